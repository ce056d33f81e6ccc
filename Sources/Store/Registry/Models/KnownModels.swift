public import Model
internal import Synchronization

/// What searches want of a model: a manifest's few numbers, and which layers it has.
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
        var (low, high) = (0, layers.count)
        while low < high {
            let middle = low + (high - low) / 2
            if layers[middle] < layer { low = middle + 1 } else { high = middle }
        }
        return low < layers.count && layers[low] == layer
    }
}

/// Manifests that were read for a search, and will be for the next: their names say what is in them, so that none grows old.
final class KnownModels: Sendable {
    private struct State {
        var summaries: [Digest: ModelSummary] = [:]
        var layers = 0
        /// Which model an artifact is of; nil for what is none.
        var models: [BlobName: Digest?] = [:]
    }

    /// Of 32 bytes each.
    private static let mostLayers = 1 << 20
    private static let mostModels = 1 << 16
    private let state = Mutex(State())

    subscript(model: Digest) -> ModelSummary? { state.withLock { $0.summaries[model] } }

    func add(_ summary: ModelSummary, _ model: Digest) {
        guard summary.layers.count <= KnownModels.mostLayers / 2 else { return }
        state.withLock { state in
            guard state.summaries[model] == nil else { return }
            while state.layers + summary.layers.count > KnownModels.mostLayers
                || state.summaries.count >= KnownModels.mostModels,
                let any = state.summaries.popFirst()
            {
                state.layers -= any.value.layers.count
            }
            state.layers += summary.layers.count
            state.summaries[model] = summary
        }
    }

    func model(of artifact: BlobName) -> Digest?? { state.withLock { $0.models[artifact] } }

    func add(_ model: Digest?, of artifact: BlobName) {
        state.withLock { state in
            if state.models.count >= KnownModels.mostModels { _ = state.models.popFirst() }
            state.models[artifact] = .some(model)
        }
    }
}
