internal import Model

/// Which bytes of each file have to be downloaded, and which layers replace the rest. Pure: code that withdraws
/// evidence plans again with the rest of it.
struct Plan: Sendable {
    /// Neighbouring cuts of a file that come from one place: a run that has to move, or one layer that is here.
    struct Unit: Sendable {
        let run: Segmentation.Unit
        let claim: Evidence.Claim

        /// The layer that is taken from the store; nil for bytes to download.
        var layer: Layer? { claim.layer }
    }

    /// By file.
    let units: [[Unit]]

    /// A small layer that is here, but between bytes that are not, is downloaded with them: a request costs more.
    static let worthCutting: UInt64 = 16 << 10

    init(_ files: [Segmentation], _ evidence: [Evidence], having isHere: (Digest) -> Bool) {
        units = zip(files, evidence).map { Plan.units(of: $0, $1, isHere) }
    }

    private static func units(of file: Segmentation, _ evidence: Evidence, _ isHere: (Digest) -> Bool) -> [Unit] {
        var given = file.cuts.indices.map { cut in
            evidence[cut].layer.map { $0.size == file.cuts[cut].count && isHere($0.digest) } ?? false
        }
        moveShortRuns(&given, file)
        var units: [Unit] = []
        var first = 0
        while first < given.count {
            let end = given[first...].firstIndex(of: !given[first]) ?? given.count
            if given[first] {
                for cut in first..<end {
                    let run = Segmentation.Unit(
                        cuts: cut..<cut + 1, start: file.cuts[cut].start, count: file.cuts[cut].count, isLarge: true)
                    units.append(Unit(run: run, claim: evidence[cut]))
                }
            } else {
                units += file.units(of: first..<end).map { Unit(run: $0, claim: .unknown) }
            }
            first = end
        }
        return units
    }

    private static func moveShortRuns(_ given: inout [Bool], _ file: Segmentation) {
        var first = 0
        while let start = given[first...].firstIndex(of: true) {
            let end = given[start...].firstIndex(of: false) ?? given.count
            let bytes = file.cuts[start..<end].reduce(UInt64(0)) { $0 + $1.count }
            if start > 0, end < given.count, bytes < worthCutting {
                for cut in start..<end { given[cut] = false }
            }
            first = end
        }
    }
}
