/// The config and the manifest of a model's image. No time is in them, and no history: the same files give the same image.
public enum ImageShape {
    public static let configType = "application/vnd.oci.image.config.v1+json"
    public static let layerType = "application/vnd.oci.image.layer.v1.tar"

    /// `digests` are those of the plans, in their order; `hash` is a SHA-256.
    public static func model(
        _ plans: [BlobPlan], _ digests: [Digest], on base: ImageBase? = nil, hash: ([UInt8]) -> Digest
    ) throws(CakeError) -> ShapedModel {
        let layers = zip(plans, digests).map { plan, digest in
            ShapedModel.Blob(Descriptor(mediaType: layerType, name: BlobName(digest), size: plan.size), plan)
        }
        let text = text(digests, on: base)
        let config = ShapedModel.Blob(bytes: text, type: configType, hash(text))
        // An artifact type would make CRI-O mount the blobs instead of the files.
        let document: JSONValue = [
            "schemaVersion": 2, "mediaType": .string(RegistryManifest.image),
            "config": .object(config.descriptor.json),
            "layers": .array(((base?.layers ?? []) + layers.map(\.descriptor)).map { .object($0.json) }),
        ]
        return try ShapedModel(
            .image, manifest: document.bytes(.compact), config: config, layers: layers, below: base?.layers ?? [])
    }

    /// What a base's config says about running it stays: a derived image has it too.
    private static func text(_ layers: [Digest], on base: ImageBase?) -> [UInt8] {
        var object =
            base?.platform
            ?? JSONObject([
                .init(key: "architecture", value: "amd64"), .init(key: "os", value: "linux"),
            ])
        if let run = base?.run { object.append("config", run) }
        let all = (base?.diffs ?? []).map { JSONValue.string($0) } + layers.map { .string(BlobName($0).description) }
        object.append("rootfs", ["type": "layers", "diff_ids": .array(all)])
        return JSONValue.object(object).bytes(.compact)
    }
}

extension ShapedModel.Blob {
    init(bytes: [UInt8], type: String, _ digest: Digest) {
        self.init(
            Descriptor(mediaType: type, name: BlobName(digest), size: UInt64(bytes.count)), BlobPlan(bytes: bytes))
    }
}
