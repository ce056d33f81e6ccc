internal import Model

/// A file of which some layers are in the store by now.
struct ArrivingLayers: Sendable {
    let file: Manifest.File
    var here: Set<Digest> = []
    private let layers: [Layer]
    /// Where each begins in the file.
    private let starts: [UInt64]

    init(_ file: Manifest.File) {
        self.file = file
        layers = file.segments.map(\.layer).filter { $0.size > 0 }
        var starts: [UInt64] = []
        var end: UInt64 = 0
        for layer in layers {
            starts.append(end)
            end += layer.size
        }
        self.starts = starts
    }

    /// The layer that holds a byte of the file, and where it lies in it; nil while it is not here.
    func layer(at position: UInt64) -> (layer: Layer, range: Range<UInt64>)? {
        var (low, high) = (0, starts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= position { low = middle } else { high = middle }
        }
        guard low < layers.count, here.contains(layers[low].digest) else { return nil }
        return (layers[low], starts[low]..<starts[low] + layers[low].size)
    }
}
