internal import Model
internal import Platform

/// A model in a bundle: what its manifest, its own manifest and its index say. No pack was read.
struct BundledModel: Sendable {
    let name: ModelName
    let artifact: ModelArtifact
    let manifest: Manifest
    let digest: Digest
    let index: PackIndex
    /// Layers that the bundle leaves out.
    let needs: LayerList
    /// Bundles of OpenSSF model signing. Nothing in them was looked at.
    var signatures: [[UInt8]] = []

    /// Its layers that have bytes and are in the bundle, or in another part of it.
    var layers: [Layer] { manifest.layers.filter { $0.size > 0 && !needs.contains($0) } }
}

/// What a bundle says of itself, before its packs.
struct BundleHead: Sendable {
    let part: BundleIndex.Part?
    let models: [BundledModel]
    /// What it has besides models, in words.
    let others: [String]

    /// Reads blobs that are not packs, each of which is compared with its digest. `blob` gives nil for one that is not there.
    init(
        _ index: BundleIndex, _ label: String, blob: (Descriptor, Int) throws(CakeError) -> [UInt8]?
    ) throws(CakeError) {
        func whole(_ descriptor: Descriptor, limit: Int) throws(CakeError) -> [UInt8] {
            guard let bytes = try blob(descriptor, limit) else { throw BundleHead.missing(descriptor.name, label) }
            return bytes
        }
        var (models, others) = ([BundledModel](), [String]())
        var places: [BlobName: Int] = [:]
        var signatures: [(subject: BlobName, bytes: [UInt8])] = []
        for entry in index.entries {
            let descriptor = Descriptor(mediaType: entry.mediaType, name: entry.name, size: entry.size)
            guard entry.mediaType == RegistryManifest.image else {
                others.append("an entry of type \(Printable.escape(entry.mediaType))")
                continue
            }
            let bytes = try whole(descriptor, limit: RegistryManifest.maximumSize)
            let manifest = try RegistryManifest(parsing: bytes.span)
            if let signature = SignatureArtifact.bundle(in: manifest), let subject = manifest.subject {
                signatures.append((subject.name, try whole(signature, limit: SignatureBundle.maximumSize)))
                continue
            }
            guard let artifact = try BundleHead.artifact(manifest, label) else {
                others.append(BundleHead.words(for: manifest))
                continue
            }
            let text = try whole(artifact.manifest, limit: ManifestText.maximumSize)
            let model = try ManifestText.decode(text.span)
            let digest = SHA256.digest(of: text.span)
            var needs = LayerList.none
            if let listed = artifact.needs {
                let list = try whole(listed, limit: LayerList.maximumSize)
                needs = try LayerList(parsing: list.span)
            }
            let index = try whole(artifact.index, limit: PackIndex.maximumSize)
            let packs = try PackIndex(decoding: index.span, besides: needs)
            try artifact.check(packs, model, besides: needs)
            let name = try BundleHead.name(bytes, entry, digest)
            guard !models.contains(where: { $0.name == name }) else {
                throw CakeError(.damaged, "\(label) has two models of the name \(name)")
            }
            places[entry.name] = models.count
            models.append(
                BundledModel(
                    name: name, artifact: artifact, manifest: model, digest: digest, index: packs, needs: needs))
        }
        for (subject, bytes) in signatures {
            guard let place = places[subject] else {
                others.append("a signature of something else")
                continue
            }
            models[place].signatures.append(bytes)
        }
        (self.models, self.others, part) = (models, others, index.part)
        guard !models.isEmpty else { throw BundleHead.noModels(others, label) }
    }

    /// Nil for what is no model of cake's.
    static func artifact(_ manifest: RegistryManifest, _ label: String) throws(CakeError) -> ModelArtifact? {
        let type = manifest.artifactType ?? ""
        if [ModelArtifact.artifactType, ModelArtifact.partType].contains(type) {
            return try ModelArtifact(manifest, mayBePart: true)
        }
        guard type.hasPrefix("application/vnd.cake.model.") else { return nil }
        throw CakeError(
            .failed, "\(label) was written by a newer cake: \(Printable.escape(type))", fix: "use that cake to load it",
            cause: .newer)
    }

    /// Other tools keep the manifest and write the index again: the manifest's own title comes first.
    private static func name(
        _ manifest: [UInt8], _ entry: BundleIndex.Entry, _ digest: Digest
    ) throws(CakeError) -> ModelName {
        let title = try JSONValue(parsing: manifest.span)["annotations"]?["org.opencontainers.image.title"]?.string
        return try ModelName(title ?? entry.imageName ?? entry.reference ?? "model-" + digest.short)
    }

    static func missing(_ name: BlobName, _ label: String) -> CakeError {
        CakeError(
            .damaged, "\(label) names the blob \(name.hex.prefix(12)), which is not in it",
            fix: "it was not written or copied to its end: save or copy it again")
    }

    /// Compares a blob with what names it.
    static func check(_ bytes: [UInt8], _ descriptor: Descriptor, _ label: String) throws(CakeError) {
        guard UInt64(bytes.count) == descriptor.size else {
            throw wrongSize(descriptor.name, UInt64(bytes.count), descriptor.size, label)
        }
        guard let wanted = descriptor.name.sha256 else {
            throw CakeError(.damaged, "\(label) names a manifest by another digest than SHA-256")
        }
        let found = SHA256.digest(of: bytes.span)
        guard found == wanted else {
            throw CakeError(
                .damaged, "\(label): the blob \(wanted.short) hashes to \(found.short)", fix: "save or copy it again")
        }
    }

    static func wrongSize(_ name: BlobName, _ found: UInt64, _ wanted: UInt64, _ label: String) -> CakeError {
        CakeError(
            .damaged, "\(label): the blob \(name.hex.prefix(12)) has \(found) bytes, and its manifest says \(wanted)",
            fix: "save or copy it again")
    }

    private static func words(for manifest: RegistryManifest) -> String {
        if manifest.subject != nil { return "a signature, or another manifest about a manifest" }
        switch manifest.config?.mediaType {
        case "application/vnd.cncf.model.config.v1+json": return "a ModelPack artifact"
        case "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json":
            return "a container image"
        case let type? where type.hasPrefix("application/vnd.docker.ai.model.config."):
            return "a model of Docker Model Runner"
        case let type? where type.hasPrefix("application/vnd.kitops."): return "a ModelKit of KitOps"
        default: return "an artifact of type \(manifest.artifactKind.map(Printable.escape) ?? "nothing")"
        }
    }

    private static func noModels(_ others: [String], _ label: String) -> CakeError {
        CakeError(
            .failed, "\(label) holds \(others.first ?? "nothing"), and cake load takes cake's own models",
            fix: "skopeo copy oci-archive:\(label) docker://HOST/PATH:TAG, then cake pull HOST/PATH:TAG")
    }
}
