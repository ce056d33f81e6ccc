public import Model
internal import Platform

/// The facts of a model for searches: a manifest's few numbers, and its layers.
public struct ModelSummary: Sendable {
    public let bytes: UInt64
    public let files: Int
    public let tensors: Int
    /// Sorted, each once.
    let layers: [Digest]

    static let empty = ModelSummary()

    private init() { (bytes, files, tensors, layers) = (0, 0, 0, []) }

    init(_ manifest: Manifest) {
        bytes = manifest.size
        files = manifest.files.count
        tensors = manifest.segments.reduce(0) { $1.tensor == nil ? $0 : $0 + 1 }
        layers = Set(manifest.layers.map(\.digest)).sorted()
    }

    public func has(_ layer: Digest) -> Bool {
        let place = layers.partitioningIndex { !($0 < layer) }
        return place < layers.count && layers[place] == layer
    }
}

/// Manifests that were read for a search, kept for the next: their names identify their content, and none becomes
/// outdated.
struct KnownModels: Sendable {
    /// An entry costs 32 bytes or more.
    private static let room = 1 << 20

    private let kept = BoundedCache<Digest, ModelSummary>(room: room) { 16 + $0.layers.count }
    /// The model of an artifact; nil for other artifacts.
    let ofArtifacts = BoundedCache<BlobName, Digest?>(room: 1 << 16)

    subscript(model: Digest) -> ModelSummary? { kept[model] }

    func add(_ summary: ModelSummary, _ model: Digest) {
        if summary.layers.count <= KnownModels.room / 2 { kept[model] = summary }
    }
}
