internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// A file that is being brought: its layers as its header says, the bytes that are here, and those that arrive.
final class RemoteFile: Sendable {
    /// Where its bytes are while it is brought.
    enum Bytes: Sendable {
        case parts(Parts, HubFile)
        /// Another tool's copy on this disk, of a size that fits.
        case copy(File)
    }

    let number: Int
    let listed: SnapshotFile
    let segmentation: Segmentation
    let units: [Segmentation.Unit]
    let bytes: Bytes
    let arrivals: Arrivals
    /// What an earlier pull or another tool had brought.
    let bytesHere: UInt64
    private let layers: Mutex<[Layer?]>

    /// `onWhole` hears of each unit that can become layers, once.
    init(
        _ number: Int, _ listed: SnapshotFile, _ segmentation: Segmentation, _ bytes: Bytes, bytesHere: UInt64,
        onWhole: @escaping @Sendable (Int) -> Void
    ) {
        self.number = number
        self.listed = listed
        self.segmentation = segmentation
        self.bytes = bytes
        self.bytesHere = bytesHere
        units = segmentation.units
        layers = Mutex(Array(repeating: nil, count: segmentation.cuts.count))
        arrivals = Arrivals(units, having: RemoteFile.runs(of: bytes, listed.size), onWhole: onWhole)
    }

    private static func runs(of bytes: Bytes, _ size: UInt64) -> [Range<UInt64>] {
        switch bytes {
        case .parts(let parts, _): parts.runs.map { $0.clamped(to: 0..<size) }
        case .copy: [0..<size]
        }
    }

    /// What has to be fetched.
    var gaps: [RemoteSpan] {
        var gaps: [RemoteSpan] = []
        var position: UInt64 = 0
        let comesWhole = if case .parts(_, let file) = bytes { file.comesWhole } else { false }
        func add(_ end: UInt64) {
            if position < end {
                gaps.append(RemoteSpan(file: number, bytes: position..<end, isIndivisible: comesWhole))
            }
        }
        for run in RemoteFile.runs(of: bytes, listed.size) {
            add(run.lowerBound)
            position = run.upperBound
        }
        add(listed.size)
        return gaps
    }

    var missing: UInt64 { gaps.reduce(0) { $0 + UInt64($1.bytes.count) } }

    /// The SHA-256 that the server gave with the file's address, if it did.
    var announced: Digest? { if case .parts(_, let file) = bytes { file.announced } else { nil } }

    /// A run of bytes that are all here.
    func plain(_ range: Range<UInt64>) throws(CakeError) -> PlainBytes {
        switch bytes {
        case .parts(let parts, _): try parts.plain(range)
        case .copy(let file):
            PlainBytes(file: file, start: range.lowerBound, count: range.upperBound - range.lowerBound)
        }
    }

    func note(_ layered: Layering.Layered, of unit: Segmentation.Unit) {
        layers.withLock { layers in
            for (cut, layer) in zip(unit.cuts, layered.layers) { layers[cut] = layer }
        }
    }

    /// Whether every unit has become layers.
    var isLayered: Bool { layers.withLock { layers in layers.allSatisfy { $0 != nil } } }

    /// The file as a manifest has it.
    func described(digest: Digest) throws(CakeError) -> Manifest.File {
        var segments: [Manifest.Segment] = []
        for (cut, layer) in zip(segmentation.cuts, layers.withLock { $0 }) {
            guard let layer else { throw CakeError(.failed, "\(listed.path) was not brought to its end") }
            segments.append(Manifest.Segment(layer: layer, tensor: cut.tensor))
        }
        return try Manifest.File(path: listed.path, digest: digest, size: listed.size, segments: segments)
    }

    /// Its half-fetched bytes are needed no more.
    func discardParts() throws(CakeError) {
        if case .parts(let parts, _) = bytes { try parts.remove() }
    }
}
