internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// A file that is being fetched: its layers as its header says, the bytes that are here, and those that arrive.
final class RemoteFile: Sendable {
    let number: Int
    let path: FilePath
    let size: UInt64
    let segmentation: Segmentation
    let units: [Segmentation.Unit]
    let parts: Parts
    let arrivals: Arrivals
    private let layers: Mutex<[Layer?]>

    /// `onWhole` hears of each unit that can become layers, once.
    init(
        _ number: Int, path: FilePath, size: UInt64, segmentation: Segmentation, parts: Parts,
        onWhole: @escaping @Sendable (Int) -> Void
    ) {
        self.number = number
        self.path = path
        self.size = size
        self.segmentation = segmentation
        units = segmentation.units
        self.parts = parts
        layers = Mutex(Array(repeating: nil, count: segmentation.cuts.count))
        arrivals = Arrivals(units, having: parts.runs, onWhole: onWhole)
    }

    /// What has to be fetched.
    var gaps: [RemoteSpan] {
        var gaps: [RemoteSpan] = []
        var position: UInt64 = 0
        for run in parts.runs where run.lowerBound < size {
            if position < run.lowerBound { gaps.append(RemoteSpan(file: number, bytes: position..<run.lowerBound)) }
            position = run.upperBound
        }
        if position < size { gaps.append(RemoteSpan(file: number, bytes: position..<size)) }
        return gaps
    }

    func note(_ layered: Layering.Layered, of unit: Segmentation.Unit) {
        layers.withLock { layers in
            for (cut, layer) in zip(unit.cuts, layered.layers) { layers[cut] = layer }
        }
    }

    /// The file as a manifest has it, once every unit has become layers.
    func described(digest: Digest) throws(CakeError) -> Manifest.File {
        var segments: [Manifest.Segment] = []
        for (cut, layer) in zip(segmentation.cuts, layers.withLock { $0 }) {
            guard let layer else { throw CakeError(.failed, "\(path) was not brought to its end") }
            segments.append(Manifest.Segment(layer: layer, tensor: cut.tensor))
        }
        return try Manifest.File(path: path, digest: digest, size: size, segments: segments)
    }
}
