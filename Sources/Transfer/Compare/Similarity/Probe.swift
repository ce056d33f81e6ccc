internal import Model
internal import Platform
internal import Store

/// When tensors are sampled.
public enum ProbePolicy: String, CaseIterable, Sendable {
    /// As long as the first answers do not show that everything differs.
    case auto
    case always
}

/// Looks at a few short runs of tensors that have a twin here. Where all of them are equal the tensors are taken to be
/// equal, until the file's published SHA-256 says whether they are: so nothing is believed that was not hashed.
struct Probe: Prover {
    let store: LocalStore
    let policy: ProbePolicy

    /// The number of requests at once: each brings little, and takes a round trip.
    private static let atOnce = 64
    /// Of a file, in its parts.
    private static let mostSampled: UInt64 = 100
    /// Downloading a smaller file takes no longer than sampling it.
    private static let leastFile: UInt64 = 4 << 20
    /// When a file's hash has contradicted its samples.
    private static let denser: UInt64 = 8

    func evidence(
        for files: [OpenedFile], knowing known: [Evidence], among candidates: Candidates
    ) async throws -> Proved {
        let asked = files.indices.filter { isWorthAsking(files[$0], known[$0]) }
        var proved = Proved(evidence: files.map { Evidence(cuts: $0.segmentation.cuts.count) })
        guard !asked.isEmpty else { return proved }
        try await withThrowingTaskGroup(of: (Int, Evidence, UInt64).self) { group in
            for number in asked {
                let (file, known, matches) = (files[number], known[number], candidates.layers[number])
                group.addTask(executorPreference: store.pool) {
                    var looking = ProbedFile(file, known, matches, store: store, atOnce: Probe.atOnce / asked.count + 1)
                    let evidence = try await probe(&looking)
                    return (number, evidence, looking.bytesFetched)
                }
            }
            for try await (number, evidence, bytes) in group {
                proved.evidence[number] = evidence
                proved.bytesFetched += bytes
            }
        }
        return proved
    }

    /// Only a file with a published SHA-256 can be checked as a whole, and only a file with cuts can gain.
    private func isWorthAsking(_ file: OpenedFile, _ known: Evidence) -> Bool {
        file.canBeChecked && file.wanted.listed.size >= Probe.leastFile && file.wanted.contradictions < 2
            && file.hasUnknownTensors(known)
    }

    private func probe(_ file: inout ProbedFile) async throws -> Evidence {
        var random = SystemRandomNumberGenerator()
        let budget = file.size / Probe.mostSampled
        if file.isDoubted {
            try await file.compare(file.sampling.each(density: Probe.denser, budget: budget, using: &random))
            // The found differences may be all that is wrong. If there were none, any tensor may be wrong.
            return file.foundDifference ? file.evidence(withSmall: false) : file.nothing
        }
        guard !file.sampling.targets.isEmpty else { return file.nothing }
        let first = file.sampling.first(budget: budget, using: &random)
        try await file.compare(first)
        if policy == .auto, file.allDiffer { return file.nothing }
        let spent = first.reduce(0) { $0 + $1.bytes.length }
        let rest = Sampling(file.sampling.targets.filter { file.mayEqual($0.number) })
        let left = budget - min(budget, spent)
        try await file.compare(rest.each(budget: left, seen: Set(first.map(\.target)), using: &random))
        return file.evidence(withSmall: !file.foundDifference)
    }
}
