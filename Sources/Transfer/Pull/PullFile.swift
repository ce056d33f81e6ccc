internal import Model
internal import Platform
internal import Remote
internal import Store
internal import Synchronization

/// A file of a pull during its download: the layers in its header, which of them replace bytes, and the finished layers
/// of the others.
package final class PullFile: Sendable {
    let number: Int
    let opened: OpenedFile
    let units: [Plan.Unit]
    let fetching: FetchingFile
    private let layers: Mutex<[Layer?]>

    var wanted: WantedFile { opened.wanted }
    var listed: SnapshotFile { opened.wanted.listed }
    var segmentation: Segmentation { opened.segmentation }
    var missing: UInt64 { fetching.missing }

    /// Of a part of a file nothing is wanted that is in no unit. `onWhole` hears of each unit that can become layers, once.
    init(
        _ number: Int, _ opened: OpenedFile, _ units: [Plan.Unit], isPart: Bool = false,
        onWhole: @escaping @Sendable (Int) -> Void
    ) {
        (self.number, self.opened, self.units) = (number, opened, units)
        var layers = [Layer?](repeating: nil, count: opened.segmentation.cuts.count)
        for unit in units { if let layer = unit.layer { layers[unit.run.cuts.lowerBound] = layer } }
        self.layers = Mutex(layers)
        let bytes = units.map(\.run.bytes)
        let size = opened.wanted.listed.size
        fetching = FetchingFile(
            opened.bytes, size: size, wanted: isPart ? RangeSet(bytes) : RangeSet(0..<size),
            given: RangeSet(units.lazy.filter { $0.layer != nil }.map(\.run.bytes)), units: bytes,
            comesWhole: opened.remote?.comesWhole ?? false, reading: opened.wanted.reading
        ) { if units[$0].layer == nil { onWhole($0) } }
    }

    /// The finished layer of a cut; nil before.
    func layer(of cut: Int) -> Layer? { layers.withLock { $0[cut] } }

    /// Bytes that are taken from the store, by their proof.
    var given: [Pull.Proof: UInt64] {
        var given: [Pull.Proof: UInt64] = [:]
        for unit in units { if let proof = unit.claim.proof { given[proof, default: 0] += unit.run.count } }
        return given
    }

    /// The layers that replaced its bytes and may have been wrong.
    var assumptions: Evidence {
        var evidence = Evidence(cuts: segmentation.cuts.count)
        for unit in units where unit.claim.isAssumed { evidence[unit.run.cuts.lowerBound] = unit.claim }
        return evidence
    }

    /// The SHA-256 that the server gave with the file's address, if it did.
    var announced: Digest? { opened.remote?.announced }

    /// The unit with a byte.
    func unit(at position: UInt64) -> Plan.Unit? {
        let index = units.partitioningIndex { $0.run.bytes.upperBound > position }
        return index < units.count ? units[index] : nil
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
            guard let layer else { throw CakeError(.failed, "\(listed.path) was not downloaded to its end") }
            segments.append(Manifest.Segment(layer: layer, tensor: cut.tensor))
        }
        return try Manifest.File(path: listed.path, digest: digest, size: listed.size, segments: segments)
    }
}
