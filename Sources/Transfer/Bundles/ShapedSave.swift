public import Model
internal import Platform
public import Store

/// Writes a model into an archive for other tools, in a shape of theirs. Blobs are made while they are written.
public struct ShapedSave: Sendable {
    public struct Report: Sendable {
        public let shape: WrittenShape
        public let name: ModelName
        /// Of the manifest.
        public let digest: Digest
        /// How other tools call it.
        public let imageName: String
        public let layers: Int
        /// Of the layers.
        public let bytes: UInt64
        public let bytesWritten: UInt64
        /// Nothing for a stream.
        public let paths: [String]
    }

    private let named: LocalStore.Named
    private let model: ShapedModel
    private let store: LocalStore
    private let progress: Progress

    public init(_ named: LocalStore.Named, _ model: ShapedModel, from store: LocalStore, progress: Progress) {
        (self.named, self.model, self.store, self.progress) = (named, model, store, progress)
    }

    /// The caller keeps the model's layers until it returns.
    public func callAsFunction(to target: Save.Target) async throws -> Report {
        var bundle = BundleContents()
        let names = BundleIndex.names(of: [named.name])[0]
        let (digest, size) = bundle.add(model.manifest)
        bundle.entries = [
            BundleIndex.Entry(
                name: BlobName(digest), size: size, mediaType: RegistryManifest.image,
                artifactType: model.shape == .image ? nil : ModelPackShape.artifactType, reference: names.reference,
                imageName: names.imageName)
        ]
        for blob in model.blobs {
            guard let name = blob.descriptor.name.sha256 else { continue }
            bundle.large.append(BundleContents.Large(digest: name, content: .plan(blob.plan)))
        }
        if model.shape == .image { bundle.docker = dockerManifest(names.imageName) }
        progress.expect(bytes: model.blobs.reduce(0) { $0 + $1.descriptor.size })
        let written = try await BundleWriter(store: store, progress: progress).write(bundle, to: target)
        return Report(
            shape: model.shape, name: named.name, digest: digest, imageName: names.imageName,
            layers: model.layers.count, bytes: model.layers.reduce(0) { $0.clampedSum($1.descriptor.size) },
            bytesWritten: written.bytes, paths: written.names)
    }

    /// What docker reads of an archive.
    private func dockerManifest(_ name: String) -> [UInt8] {
        func path(_ blob: ShapedModel.Blob) -> JSONValue { .string(BundleIndex.path(of: blob.descriptor.name)) }
        let image: JSONValue = [
            "Config": path(model.config), "RepoTags": [.string(name)], "Layers": .array(model.layers.map(path)),
        ]
        return JSONValue.array([image]).bytes(.compact)
    }
}
