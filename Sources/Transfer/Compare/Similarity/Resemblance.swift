public import Model
public import Platform

/// Compares tensors whose digests are not known on both sides, without downloading them: those in the same Xet chunks
/// are the same; of the others a few short runs are downloaded and compared.
public struct Resemblance: Sendable {
    private let first: TensorSampler
    private let second: TensorSampler
    private let pool: BlockingPool
    private let progress: Progress

    /// One sample for each of so many tensors is a matter of seconds; of more, the largest are looked at.
    private static let mostTensors = 4000
    private static let atOnce = 32

    public init(_ first: TensorSampler, _ second: TensorSampler, on pool: BlockingPool, progress: Progress) {
        self.first = first
        self.second = second
        self.pool = pool
        self.progress = progress
    }

    private struct Pair: Sendable {
        let number: Int
        let before: Difference.Place
        let after: Difference.Place
    }

    /// Results for changes that are not known; nil where there is none.
    public func callAsFunction(_ changes: [Difference.TensorChange]) async throws -> [Difference.Kind?] {
        var pairs: [Pair] = []
        for (number, change) in changes.enumerated() where change.kind == .unknown {
            if let before = change.before, let after = change.after, before.size == after.size {
                pairs.append(Pair(number: number, before: before, after: after))
            }
        }
        var found = [Difference.Kind?](repeating: nil, count: changes.count)
        var open: [Pair] = []
        for pair in pairs {
            if await areInSameChunks(pair) { found[pair.number] = .same } else { open.append(pair) }
        }
        open.sort { $0.after.size > $1.after.size }
        open = Array(open.prefix(Resemblance.mostTensors))
        progress.expect(bytes: 0, items: UInt64(open.count))
        for (pair, areAlike) in zip(open, try await sample(open)) {
            found[pair.number] = areAlike.map { $0 ? .alike : .changed }
        }
        return found
    }

    private func areInSameChunks(_ pair: Pair) async -> Bool {
        let places = await first.coordinates(of: pair.before)
        guard !places.isEmpty else { return false }
        for place in await second.coordinates(of: pair.after) {
            for other in places where place.similarity(to: other) == .equal { return true }
        }
        return false
    }

    /// Whether all samples of each pair are equal; nil where the bytes are not to be had.
    private func sample(_ pairs: [Pair]) async throws -> [Bool?] {
        var random = SystemRandomNumberGenerator()
        let sampling = Sampling(
            pairs.enumerated().map { place, pair in
                Sampling.Target(number: place, bytes: 0..<pair.after.size, growsAtEnd: pair.after.tensor.growsAtEnd)
            })
        let samples = sampling.each(budget: .max, using: &random)
        var found = [Bool?](repeating: nil, count: pairs.count)
        try await inOrder(samples.count, atOnce: Resemblance.atOnce, on: pool) { index in
            let (pair, range) = (pairs[samples[index].target], samples[index].bytes)
            async let before = first.bytes(range, of: pair.before)
            guard let after = try await second.bytes(range, of: pair.after), let before = try await before else {
                return nil as Bool?
            }
            return before == after
        } take: { index, isEqual in
            let place = samples[index].target
            if found[place] == nil { progress.finished() }
            if let isEqual { found[place] = (found[place] ?? true) && isEqual }
        }
        return found
    }
}
