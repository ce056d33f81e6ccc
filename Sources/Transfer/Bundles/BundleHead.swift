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

/// A model in a bundle in another tool's shape. No layer was read.
struct ForeignBundledModel: Sendable {
    let name: ModelName
    let model: ForeignModel
    /// Of its manifest.
    let digest: Digest
    var signatures: [[UInt8]] = []
}

/// What a bundle says of itself, before its packs.
struct BundleHead: Sendable {
    let part: BundleIndex.Part?
    let models: [BundledModel]
    let foreign: [ForeignBundledModel]
    /// What it has besides models, in words.
    let others: [String]

    /// Reads blobs that are not packs, each of which is compared with its digest. `blob` gives nil for one that is not there.
    /// From a pipe come only cake's own models.
    init(
        _ index: BundleIndex, _ label: String, isPipe: Bool,
        blob: (Descriptor, Int) throws(CakeError) -> [UInt8]?
    ) throws(CakeError) {
        var names: Set<ModelName> = []
        func claim(_ name: ModelName) throws(CakeError) {
            guard names.insert(name).inserted else {
                throw CakeError(.damaged, "\(label) has two models of the name \(name)")
            }
        }
        func whole(_ descriptor: Descriptor, limit: Int) throws(CakeError) -> [UInt8] {
            guard let bytes = try blob(descriptor, limit) else { throw BundleHead.missing(descriptor.name, label) }
            return bytes
        }
        var (models, foreign, others) = ([BundledModel](), [ForeignBundledModel](), [String]())
        var (places, foreignPlaces) = ([BlobName: Int](), [BlobName: Int]())
        var signatures: [(subject: BlobName, bytes: [UInt8])] = []
        for entry in index.entries {
            let descriptor = Descriptor(mediaType: entry.mediaType, name: entry.name, size: entry.size)
            guard BundleHead.types.contains(entry.mediaType), !isPipe || entry.mediaType == RegistryManifest.image
            else {
                others.append("an entry of type \(Printable.escape(entry.mediaType))")
                continue
            }
            var bytes = try whole(descriptor, limit: RegistryManifest.maximumSize)
            var manifest = try RegistryManifest(parsing: bytes.span)
            if let list = try ForeignIndex(manifest, in: bytes.span) {
                guard let chosen = try? list.chosen() else {
                    others.append("a list of images without one for linux/\(ForeignIndex.ownArchitecture)")
                    continue
                }
                bytes = try whole(chosen, limit: RegistryManifest.maximumSize)
                manifest = try RegistryManifest(parsing: bytes.span)
            }
            if let signature = SignatureArtifact.bundle(in: manifest), let subject = manifest.subject {
                signatures.append((subject.name, try whole(signature, limit: SignatureBundle.maximumSize)))
                continue
            }
            guard let artifact = try BundleHead.artifact(manifest, label) else {
                guard !isPipe, let shape = try ForeignModel.shape(of: manifest), let config = manifest.config else {
                    others.append(BundleHead.words(for: manifest))
                    continue
                }
                let text = try whole(config, limit: JSONValue.usualLimit)
                let model = try ForeignModel(manifest, of: shape, in: bytes.span, config: text.span)
                let digest = SHA256.digest(of: bytes.span)
                let name = try BundleHead.foreignName(bytes, entry, digest, label)
                try claim(name)
                foreignPlaces[entry.name] = foreign.count
                foreign.append(ForeignBundledModel(name: name, model: model, digest: digest))
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
            try claim(name)
            places[entry.name] = models.count
            models.append(
                BundledModel(
                    name: name, artifact: artifact, manifest: model, digest: digest, index: packs, needs: needs))
        }
        for (subject, bytes) in signatures {
            if let place = places[subject] {
                models[place].signatures.append(bytes)
            } else if let place = foreignPlaces[subject] {
                foreign[place].signatures.append(bytes)
            } else {
                others.append("a signature of something else")
            }
        }
        (self.models, self.foreign, self.others, part) = (models, foreign, others, index.part)
        guard !models.isEmpty || !foreign.isEmpty else { throw BundleHead.noModels(others, label, isPipe: isPipe) }
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

    private static let types =
        [RegistryManifest.image, "application/vnd.docker.distribution.manifest.v2+json"] + ForeignIndex.types

    /// A tag alone is no name for a model: then the archive's own serves.
    private static func foreignName(
        _ manifest: [UInt8], _ entry: BundleIndex.Entry, _ digest: Digest, _ label: String
    ) throws(CakeError) -> ModelName {
        let title = try JSONValue(parsing: manifest.span)["annotations"]?["org.opencontainers.image.title"]?.string
        let given = entry.imageName ?? entry.reference.flatMap { $0.contains("/") || $0.contains(":") ? $0 : nil }
        let kept = given.map(BundleIndex.name(ofImage:))
        for text in [title, kept, stem(of: label)] {
            if let text, let name = try? ModelName(text) { return name }
        }
        return try ModelName("model-" + digest.short)
    }

    /// `models` of `/media/disk/models.tar`.
    private static func stem(of label: String) -> String {
        let last = Disk.lastPart(of: label)
        return last.hasSuffix(".tar") ? String(last.dropLast(4)) : last
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

    private static func noModels(_ others: [String], _ label: String, isPipe: Bool) -> CakeError {
        guard isPipe, let first = others.first else {
            return CakeError(
                .failed, "\(label) holds \(others.first ?? "nothing"), and no model",
                fix: "cake save NAME -o FILE makes a bundle; cake import takes models in other forms")
        }
        return CakeError(
            .failed, "\(label) holds \(first), and from a pipe cake load takes cake's own models",
            fix: "write it to a file, and load that")
    }
}
