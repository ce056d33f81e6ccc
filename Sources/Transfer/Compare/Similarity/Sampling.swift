internal import Model

/// Where tensors are sampled, to find whether they may be equal to others: a few short runs at unpredictable places and
/// of unpredictable lengths, and the last rows of tensors that grow at their end.
struct Sampling: Sendable {
    /// A tensor worth sampling, by its number, and the place of its bytes in the file.
    struct Target: Hashable, Sendable {
        let number: Int
        let bytes: Range<UInt64>
        /// Vocabularies grow at the end, by rows that the rest shows nothing of.
        let growsAtEnd: Bool
    }

    struct Sample: Hashable, Sendable {
        let target: Int
        /// In the file.
        let bytes: Range<UInt64>
    }

    /// A smaller tensor is downloaded instead.
    static let leastTensor: UInt64 = 512 << 10
    static let longest: UInt64 = 4 << 10
    static let shortest: UInt64 = 256
    /// How many draws over all bytes decide whether anything is equal.
    static let firstDraws = 16
    /// A tensor gets one more sample for each of these.
    private static let bytesPerSample: UInt64 = 32 << 20

    let targets: [Target]

    init(_ targets: [Target]) { self.targets = targets }

    var bytes: UInt64 { targets.reduce(0) { $0 + $1.bytes.length } }

    /// Drawn over the bytes of all targets: large tensors are likely among them. They cost half of the budget.
    func first(budget: UInt64, using random: inout some RandomNumberGenerator) -> [Sample] {
        guard bytes > 0 else { return [] }
        let most = budget / UInt64(2 * Sampling.firstDraws)
        let longest = min(Sampling.longest, max(Sampling.shortest, most))
        return (0..<Sampling.firstDraws).map { _ in
            var place = UInt64.random(in: 0..<bytes, using: &random)
            for target in targets {
                let count = target.bytes.length
                if place < count {
                    return Sampling.sample(
                        target, around: target.bytes.lowerBound + place, longest, using: &random)
                }
                place -= count
            }
            return Sampling.sample(targets[targets.count - 1], around: 0, longest, using: &random)
        }
    }

    /// Some samples of every target, and the last rows where they matter; `density` times as many as usual. Within
    /// `budget` bytes: with little of it they are shorter, and targets in `seen` get none.
    func each(
        density: UInt64 = 1, budget: UInt64, seen: Set<Int> = [], using random: inout some RandomNumberGenerator
    ) -> [Sample] {
        let unseen = targets.filter { !seen.contains($0.number) }
        let longest = min(Sampling.longest, max(Sampling.shortest, budget / UInt64(2 * max(unseen.count, 1))))
        var samples: [Sample] = []
        var left = budget
        func take(_ wanted: [Sample]) {
            for sample in wanted where sample.bytes.length <= left {
                left -= sample.bytes.length
                samples.append(sample)
            }
        }
        for target in unseen {
            take(Sampling.spread(1, over: target, longest, using: &random))
            if target.growsAtEnd { take([Sampling.end(of: target, longest, using: &random)]) }
        }
        for target in targets.sorted(by: { $0.bytes.length > $1.bytes.length }) {
            let more = density * (1 + target.bytes.length / Sampling.bytesPerSample) - 1
            if more > 0 { take(Sampling.spread(more, over: target, longest, using: &random)) }
        }
        return samples
    }

    /// One in each of so many equal parts.
    private static func spread(
        _ count: UInt64, over target: Target, _ longest: UInt64, using random: inout some RandomNumberGenerator
    ) -> [Sample] {
        let part = max(1, target.bytes.length / count)
        return (0..<count).map { index in
            let start = target.bytes.lowerBound + index * part
            return sample(target, around: start + UInt64.random(in: 0..<part, using: &random), longest, using: &random)
        }
    }

    private static func sample(
        _ target: Target, around place: UInt64, _ longest: UInt64, using random: inout some RandomNumberGenerator
    ) -> Sample {
        let length = min(UInt64.random(in: longest / 2...longest, using: &random), target.bytes.length)
        let start = min(max(place, target.bytes.lowerBound), target.bytes.upperBound - length)
        return Sample(target: target.number, bytes: start..<start + length)
    }

    private static func end(
        of target: Target, _ longest: UInt64, using random: inout some RandomNumberGenerator
    ) -> Sample {
        sample(target, around: target.bytes.upperBound, longest, using: &random)
    }
}

extension Tensor {
    /// Whether it has a row for each word, and may have got more rows: such tensors are much higher than wide, or have
    /// such a name.
    var growsAtEnd: Bool {
        let name = name.string.lowercased()
        return ["embed", "lm_head", "wte", "tok_", "output.weight", "shared.weight"].contains { name.contains($0) }
            || shape.count == 2 && shape[0] >= 16384 && shape[0] > shape[1]
    }
}
