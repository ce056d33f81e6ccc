package import Model
package import Platform
internal import Remote
package import Store
internal import Synchronization

/// A file that is being brought: its layers as its header says, the bytes that are here, and those that arrive.
package final class RemoteFile: Sendable {
    /// Where its bytes are while it is brought.
    enum Bytes: Sendable {
        case parts(Parts, HubFile)
        /// Another tool's copy on this disk, of a size that fits.
        case copy(File)
    }

    let number: Int
    let wanted: Wanted
    let segmentation: Segmentation
    let units: [Plan.Unit]
    let bytes: Bytes
    let arrivals: Arrivals
    /// What is in no unit is not wanted.
    private let isPart: Bool
    private let layers: Mutex<[Layer?]>

    var listed: SnapshotFile { wanted.listed }

    /// `onWhole` hears of each unit that can become layers, once.
    init(
        _ number: Int, _ opened: OpenedFile, _ units: [Plan.Unit], isPart: Bool = false,
        onWhole: @escaping @Sendable (Int) -> Void
    ) {
        self.number = number
        self.isPart = isPart
        self.units = units
        wanted = opened.wanted
        segmentation = opened.segmentation
        bytes = opened.bytes
        var layers = [Layer?](repeating: nil, count: opened.segmentation.cuts.count)
        for unit in units { if let layer = unit.layer { layers[unit.run.cuts.lowerBound] = layer } }
        self.layers = Mutex(layers)
        arrivals = Arrivals(units.map(\.run), having: RemoteFile.here(opened.bytes, units, opened.wanted.listed.size)) {
            if units[$0].layer == nil { onWhole($0) }
        }
    }

    /// What is here of its bytes, in the store, in parts or in a copy: runs in order, none touching another.
    private static func here(_ bytes: Bytes, _ units: [Plan.Unit], _ size: UInt64) -> [Range<UInt64>] {
        var runs = units.filter { $0.layer != nil }.map(\.run.bytes)
        switch bytes {
        case .parts(let parts, _): runs += parts.runs.map { $0.clamped(to: 0..<size) }
        case .copy: runs.append(0..<size)
        }
        runs.sort { $0.lowerBound < $1.lowerBound }
        var joined: [Range<UInt64>] = []
        for run in runs where !run.isEmpty {
            if let last = joined.last, run.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, run.upperBound)
            } else {
                joined.append(run)
            }
        }
        return joined
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
        for run in RemoteFile.here(bytes, units, listed.size) {
            add(run.lowerBound)
            position = run.upperBound
        }
        add(listed.size)
        guard isPart else { return gaps }
        return gaps.flatMap { gap in
            units.map { $0.run.bytes.clamped(to: gap.bytes) }.filter { !$0.isEmpty }.map {
                RemoteSpan(file: number, bytes: $0, isIndivisible: gap.isIndivisible)
            }
        }
    }

    var incoming: Incoming {
        let place: (Parts, any RangeSource)? =
            if case .parts(let parts, let file) = bytes { (parts, file) } else { nil }
        return Incoming(gaps: gaps, place: place, arrivals: arrivals, reading: wanted.reading)
    }

    /// What a cut has become; nil as long as it has not.
    func layer(of cut: Int) -> Layer? { layers.withLock { $0[cut] } }

    var missing: UInt64 { gaps.reduce(0) { $0 + $1.bytes.length } }

    /// Bytes that are taken from the store, by what says that they may be.
    var given: [Pull.Proof: UInt64] {
        var given: [Pull.Proof: UInt64] = [:]
        for unit in units { if let proof = unit.claim.proof { given[proof, default: 0] += unit.run.count } }
        return given
    }

    /// What stood in for its bytes and may have been wrong.
    var assumptions: Evidence {
        var evidence = Evidence(cuts: segmentation.cuts.count)
        for unit in units where unit.claim.isAssumed { evidence[unit.run.cuts.lowerBound] = unit.claim }
        return evidence
    }

    /// The SHA-256 that the server gave with the file's address, if it did.
    var announced: Digest? { if case .parts(_, let file) = bytes { file.announced } else { nil } }

    /// Where a byte of it lies as it came, and those behind it.
    package enum Place: Sendable {
        case part(Parts.Part)
        case copy(File, size: UInt64)

        /// How far they go by now.
        package var range: Range<UInt64> {
            switch self {
            case .part(let part): part.start..<part.end
            case .copy(_, let size): 0..<size
            }
        }

        package func opened() throws(CakeError) -> File {
            switch self {
            case .part(let part): try part.opened()
            case .copy(let file, _): file
            }
        }
    }

    /// Nil when the byte is not here.
    func place(of position: UInt64) -> Place? {
        switch bytes {
        case .parts(let parts, _): parts.part(having: position).map { .part($0) }
        case .copy(let file): position < listed.size ? .copy(file, size: listed.size) : nil
        }
    }

    /// The unit that a byte lies in.
    func unit(at position: UInt64) -> Plan.Unit? {
        var (low, high) = (0, units.count)
        while low < high {
            let middle = (low + high) / 2
            if units[middle].run.bytes.upperBound <= position { low = middle + 1 } else { high = middle }
        }
        return low < units.count ? units[low] : nil
    }

    /// A run of bytes that are all here.
    func plain(_ range: Range<UInt64>) throws(CakeError) -> PlainBytes {
        switch bytes {
        case .parts(let parts, _): try parts.plain(range)
        case .copy(let file):
            PlainBytes(file: file, start: range.lowerBound, count: range.upperBound - range.lowerBound)
        }
    }

    func note(_ layered: LayerIngester.Layered, of unit: Plan.Unit) {
        layers.withLock { layers in
            for (cut, layer) in zip(unit.run.cuts, layered.layers) { layers[cut] = layer }
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

    /// They are right, as far as they go: the next try takes them up.
    func keepParts() {
        if case .parts(let parts, _) = bytes { parts.release() }
    }
}
