public import Model
internal import Platform
public import Store

/// Content for a pipe: a file, or a tar of several, without a copy on disk.
public struct ModelStream {
    let parts: [Framing.Element]
    public let size: UInt64
    private let layers: [Layer]
    private let name: @Sendable (Layer) -> String

    private init(_ parts: [Framing.Element], size: UInt64, _ name: @escaping @Sendable (Layer) -> String) {
        self.parts = parts
        self.size = size
        layers = parts.compactMap { if case .layer(let layer) = $0 { layer } else { nil } }
        self.name = name
    }

    /// A file of a model as it is.
    public init(_ file: Manifest.File) {
        self.init(file.segments.map { .layer($0.layer) }, size: file.size, ModelStream.names(of: [file]))
    }

    /// The bytes of one tensor.
    public init(_ entry: Weights.Entry) {
        let name = "tensor \(entry.tensor.name.printable)"
        self.init([.layer(entry.layer)], size: entry.layer.size) { _ in name }
    }

    /// A tar of files as they are.
    public init(tar files: [Manifest.File]) {
        self.init(
            tar: files.map { ($0.path, $0.size, $0.segments.map { .layer($0.layer) }) }, ModelStream.names(of: files))
    }

    /// One safetensors file when that is all there is and it goes alone; else a tar of all.
    public init(_ choice: WeightChoice, limit: UInt64?, isAlone: Bool) throws(CakeError) {
        let shards = try choice.shards(limit: limit)
        func parts(_ shard: Shards.File) -> [Framing.Element] {
            [.bytes(shard.header)] + shard.entries.map { .layer($0.layer) }
        }
        if isAlone, let shard = shards.files.first, shards.files.count == 1 {
            self.init(parts(shard), size: shard.size, choice.names())
            return
        }
        var members = shards.files.map { ($0.path, $0.size, parts($0)) }
        if let index = shards.index {
            members.append((try FilePath(ShardIndex.fileName), UInt64(index.count), [.bytes(index)]))
        }
        members += choice.companions.map { ($0.path, $0.size, $0.segments.map { .layer($0.layer) }) }
        self.init(tar: members, choice.names())
    }

    /// A fast-load archive, whose checksums follow their members.
    public init(archive choice: WeightChoice, hasJoinedStorages: Bool) throws(CakeError) {
        let layout = try FastArchive(choice.facts(hasJoinedStorages: hasJoinedStorages, isStreamed: true)).layout
        self.init(Framing.parts(of: layout), size: layout.size, choice.names())
    }

    private init(
        tar members: [(path: FilePath, size: UInt64, parts: [Framing.Element])],
        _ name: @escaping @Sendable (Layer) -> String
    ) {
        let (parts, size) = Framing.parts(ofTar: members)
        self.init(parts, size: size, name)
    }

    static func names(of files: [Manifest.File]) -> @Sendable (Layer) -> String {
        var names: [Digest: String] = [:]
        for file in files {
            for segment in file.segments {
                names[segment.layer.digest] =
                    segment.tensor.map { "tensor \($0.name.printable)" } ?? file.path.description
            }
        }
        let found = names
        return { layer in found[layer.digest] ?? "layer \(layer.digest.short)" }
    }

    /// Sends it; nothing if a layer is missing. `manifest` is held meanwhile: a collection leaves it alone.
    public func send(
        from store: LocalStore, _ model: ModelName, holding manifest: Digest, _ progress: Progress,
        to sink: (Span<UInt8>) throws -> Void
    ) async throws {
        let operation = try Export(from: store, progress: progress).hold(manifest)
        defer { withExtendedLifetime(operation) {} }
        progress.expect(bytes: size, items: 1)
        let reader = LayerReader(store)
        try LayerFileWriter(store: store, reader: reader, progress: progress, model: model, name: name).refuseMissing(
            layers)
        try await Streaming(store: store, reader: reader, progress: progress, name: name)(parts, to: sink)
        progress.finished()
    }
}
