public import Model
internal import Platform
public import Store

/// Writes models into a bundle: an OCI image layout in a tar or a folder, with the artifacts that a push would send. Models
/// share packs. The same models in the same store give the same bytes.
public struct Save: Sendable {
    /// Where it goes.
    public enum Target: Sendable {
        /// A tar, or several: `PATH.000`, `PATH.001`….
        case file(String, splitAt: UInt64?, mayReplace: Bool)
        case folder(String)
        case stream(@Sendable (Span<UInt8>) throws -> Void)
    }

    public struct Model: Sendable {
        public let name: ModelName
        let digest: Digest
        let manifest: Manifest
        let annotations: [ModelArtifact.Annotation]

        public init(_ named: LocalStore.Named, in store: LocalStore) throws(CakeError) {
            name = named.name
            digest = named.record.manifest
            manifest = try store.manifest(digest)
            annotations = store.annotations(of: named, manifest)
        }
    }

    public struct Report: Sendable {
        public let models: [ModelName]
        /// Of the models' files.
        public let bytes: UInt64
        public let bytesWritten: UInt64
        /// Each layer once.
        public let layers: Int
        public let layersWritten: Int
        /// Layers that the other side has.
        public let layersLeftOut: Int
        public let bytesLeftOut: UInt64
        /// Deltas here, that were written without their base.
        public let layersRecoded: Int
        public let packs: Int
        /// Nothing for a stream.
        public let paths: [String]
    }

    let store: LocalStore
    let models: [Model]
    /// Layers that the other side has.
    let there: LayerList
    let progress: Progress

    public init(_ models: [Model], from store: LocalStore, without there: LayerList, progress: Progress) {
        self.store = store
        self.models = models.sorted { $0.name < $1.name }
        self.there = there
        self.progress = progress
    }

    public func callAsFunction(to target: Target) async throws -> Report {
        // A store that is only read is not collected either.
        let operation = store.isWritable ? try Operation(store) : nil
        for model in models { try operation?.hold(manifest: model.digest) }
        let bundle = try await read(in: operation)
        progress.begin("writing the bundle")
        let paths = try await BundleWriter(store: store, progress: progress).write(bundle, to: target)
        withExtendedLifetime(operation) {}
        var all: Set<Layer> = []
        for model in models { all.formUnion(model.manifest.layers) }
        let left = all.filter { $0.size > 0 && there.contains($0) }
        return Report(
            models: models.map(\.name), bytes: models.reduce(0) { $0.clampedSum($1.manifest.size) },
            bytesWritten: paths.bytes, layers: all.count,
            layersWritten: bundle.layers, layersLeftOut: left.count,
            bytesLeftOut: left.reduce(0) { $0.clampedSum($1.size) },
            layersRecoded: bundle.layersRecoded, packs: bundle.large.count,
            paths: paths.names)
    }
}

/// What goes into a bundle, and where it is.
struct BundleContents: Sendable {
    /// A blob that is not in memory.
    struct Large: Sendable {
        let digest: Digest
        let content: BundleWriter.Member.Content
    }

    var entries: [BundleIndex.Entry] = []
    /// Each once, in the order in which they are written: all of them before the large ones.
    var small: [(digest: Digest, bytes: [UInt8])] = []
    var large: [Large] = []
    var layers = 0
    var layersRecoded = 0
    /// What docker reads instead of the index.
    var docker: [UInt8]?

    static let dockerName = "manifest.json"

    mutating func add(_ bytes: [UInt8]) -> (Digest, UInt64) {
        let digest = SHA256.digest(of: bytes.span)
        if !small.contains(where: { $0.digest == digest }) { small.append((digest, bytes)) }
        return (digest, UInt64(bytes.count))
    }
}
