/// A signature in a registry: a manifest that refers to the model's, with the bundle as its only layer.
public enum SignatureArtifact {
    public static let config = Array("{}".utf8)
    private static let configType = "application/vnd.oci.empty.v1+json"

    /// The same bundle gives the same bytes.
    public static func encode(bundle: Descriptor, config: BlobName, subject: Descriptor) -> [UInt8] {
        let empty = Descriptor(mediaType: configType, name: config, size: UInt64(SignatureArtifact.config.count))
        let manifest: JSONValue = [
            "schemaVersion": 2, "mediaType": JSONValue(RegistryManifest.image),
            "artifactType": JSONValue(SignatureBundle.mediaType), "config": .object(empty.json),
            "layers": [.object(bundle.json)], "subject": .object(subject.json),
            "annotations": [
                "dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": JSONValue(SignedStatement.predicateType),
            ],
        ]
        return manifest.bytes(.compact)
    }

    /// The bundle of one; nil for another artifact.
    public static func bundle(in manifest: RegistryManifest) -> Descriptor? {
        guard manifest.artifactKind == SignatureBundle.mediaType, manifest.layers.count == 1,
            manifest.layers[0].mediaType == SignatureBundle.mediaType
        else { return nil }
        return manifest.layers[0]
    }

    public static func bundle(_ name: BlobName, size: Int) -> Descriptor {
        Descriptor(mediaType: SignatureBundle.mediaType, name: name, size: UInt64(size))
    }
}
