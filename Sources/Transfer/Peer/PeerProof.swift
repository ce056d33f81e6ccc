internal import Model
internal import Remote

/// Assumes that a file has the layers that a server names, until the file's hash decides. A layer that is not here has
/// other bytes than all that are: no other source need be asked about it.
struct PeerProof: Prover {
    let peer: PeerModel

    func evidence(
        for files: [OpenedFile], knowing known: [Evidence], among candidates: Candidates
    ) async throws -> Proved {
        var proved = Proved(evidence: files.map { Evidence(cuts: $0.segmentation.cuts.count) })
        guard !peer.isWrong else { return proved }
        for (number, file) in files.enumerated() where file.canBeChecked {
            let layers = layers(of: file.wanted.listed, file.segmentation.cuts)
            for (cut, layer) in layers.enumerated() {
                if let layer { proved.evidence[number][cut] = .assumed(layer, .published) }
            }
        }
        return proved
    }

    /// By cut, the layer that the server names, if it begins and ends where the file's own header says.
    private func layers(of listed: SnapshotFile, _ cuts: [Segmentation.Cut]) -> [Layer?] {
        guard let file = peer.file(listed) else { return cuts.map { _ in nil } }
        var starts: [UInt64: Layer] = [:]
        for (segment, bytes) in zip(file.segments, file.extents) where !bytes.isEmpty {
            starts[bytes.lowerBound] = segment.layer
        }
        return cuts.map { cut in starts[cut.start].flatMap { $0.size == cut.count ? $0 : nil } }
    }
}
