internal import Model
internal import Platform
internal import Remote
internal import Store

/// A file that is being probed: which layers each of its tensors may still be.
struct ProbedFile: Sendable {
    private let file: OpenedFile
    private let store: LocalStore
    private let atOnce: Int
    private let reader: LayerReader
    /// By cut. A sample that differs from a layer takes it away.
    private var candidates: [[Layer]]
    private var sampled: Set<Int> = []
    private let eligible: Set<Int>
    private(set) var bytesFetched: UInt64 = 0
    let sampling: Sampling

    init(_ file: OpenedFile, _ known: Evidence, _ matches: [[Layer]], store: LocalStore, atOnce: Int) {
        self.file = file
        self.store = store
        self.atOnce = atOnce
        reader = LayerReader(store)
        let cuts = file.segmentation.cuts
        // A doubted tensor is compared with the same candidate again.
        let compared = file.wanted.doubted.map { doubted in cuts.indices.map { doubted[$0].layer.map { [$0] } ?? [] } }
        candidates = cuts.indices.map { known[$0] == .unknown ? (compared ?? matches)[$0] : [] }
        let candidates = candidates
        let targets = cuts.indices.filter { !candidates[$0].isEmpty && cuts[$0].count >= Sampling.leastTensor }
        eligible = Set(targets)
        sampling = Sampling(
            targets.map { cut in
                Sampling.Target(
                    number: cut, bytes: cuts[cut].start..<cuts[cut].start + cuts[cut].count,
                    growsAtEnd: cuts[cut].tensor?.growsAtEnd ?? false)
            })
    }

    var size: UInt64 { file.wanted.listed.size }
    var isDoubted: Bool { file.wanted.doubted != nil }
    var nothing: Evidence { Evidence(cuts: file.segmentation.cuts.count) }

    func mayEqual(_ cut: Int) -> Bool { !candidates[cut].isEmpty }
    var foundDifference: Bool { sampled.contains { candidates[$0].isEmpty } }
    var allDiffer: Bool { !sampled.isEmpty && sampled.allSatisfy { candidates[$0].isEmpty } }

    /// Tensors that were sampled and may still be equal. Small tensors were not sampled: they are assumed equal if all
    /// sampled ones are, because then the file's hash most likely needs them to be.
    func evidence(withSmall takesSmall: Bool) -> Evidence {
        var evidence = nothing
        for cut in candidates.indices {
            guard let layer = candidates[cut].first, sampled.contains(cut) || takesSmall && !eligible.contains(cut)
            else { continue }
            evidence[cut] = .assumed(layer, .samples)
        }
        return evidence
    }

    /// Downloads the samples, and compares them as they come.
    mutating func compare(_ samples: [Sampling.Sample]) async throws {
        guard let remote = file.remote else { return }
        let (reader, store, starts) = (reader, store, file.segmentation.cuts.map(\.start))
        let candidates = candidates
        var equal: [(cut: Int, layers: [Layer])] = []
        try await inOrder(samples.count, atOnce: atOnce, on: store.pool) { index in
            let sample = samples[index]
            let bytes = try await remote.bytes(sample.bytes)
            let start = sample.bytes.lowerBound - starts[sample.target]
            return try candidates[sample.target].filter { layer in
                do {
                    return try reader.holds(bytes.span, at: start, of: layer)
                } catch let error as CakeError where error.kind == .damaged {
                    // Set aside: the downloaded bytes take its place.
                    try store.setAside([layer])
                    return false
                } catch let error as CakeError where error.kind == .notFound {
                    return false
                }
            }
        } take: { index, layers in
            equal.append((samples[index].target, layers))
        }
        for (cut, layers) in equal {
            sampled.insert(cut)
            self.candidates[cut].removeAll { !layers.contains($0) }
        }
        bytesFetched += samples.reduce(0) { $0 + $1.bytes.length }
    }
}
