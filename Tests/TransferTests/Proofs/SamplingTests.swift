import Model
import Support
import Testing

@testable import Transfer

@Suite struct `Samples of tensors` {
    private static func sampling(_ counts: [UInt64], growing: Set<Int> = []) -> Sampling {
        var start: UInt64 = 1000
        return Sampling(
            counts.enumerated().map { number, count in
                defer { start += count }
                return Sampling.Target(
                    number: number, bytes: start..<start + count, growsAtEnd: growing.contains(number))
            })
    }

    @Test(arguments: 0..<40) func `lie within their tensors, are short, and cost no more than they may`(seed: UInt64) {
        var random = SeededNumbers(seed: seed)
        let counts = (0..<Int.random(in: 1...30, using: &random)).map { _ in
            UInt64.random(in: 1...200 << 20, using: &random) >> UInt64.random(in: 0...20, using: &random)
        }
        let sampling = Self.sampling(counts.map { max($0, 1) })
        let budget = sampling.bytes / 100
        let each = sampling.each(density: UInt64.random(in: 1...8, using: &random), budget: budget, using: &random)
        #expect(each.reduce(0) { $0 + UInt64($1.bytes.count) } <= budget)
        for sample in sampling.first(budget: budget, using: &random) + each {
            let target = sampling.targets[sample.target]
            #expect(!sample.bytes.isEmpty && sample.bytes.clamped(to: target.bytes) == sample.bytes)
            #expect(UInt64(sample.bytes.count) <= Sampling.longest)
        }
    }

    @Test func `reach every tensor, however little they may cost, and spare those that were seen`() {
        var random = SeededNumbers(seed: 1)
        let sampling = Self.sampling(Array(repeating: 1 << 20, count: 10))
        let each = sampling.each(budget: 10 * Sampling.longest / 4, seen: [3], using: &random)
        #expect(Set(each.map(\.target)) == Set(0..<10).subtracting([3]))
    }

    @Test func `look at the last rows of what grows there`() {
        var random = SeededNumbers(seed: 1)
        let sampling = Self.sampling([8 << 20, 8 << 20], growing: [1])
        let ends = Set(sampling.each(budget: .max, using: &random).map(\.bytes.upperBound))
        #expect(ends.contains(sampling.targets[1].bytes.upperBound))
        #expect(!ends.contains(sampling.targets[0].bytes.upperBound))
    }

    @Test func `are others each time`() {
        var random = SystemRandomNumberGenerator()
        let sampling = Self.sampling([64 << 20])
        #expect(sampling.first(budget: .max, using: &random) != sampling.first(budget: .max, using: &random))
    }

    @Test func `know a vocabulary by its name or its form`() {
        func grows(_ name: String, _ shape: [UInt64]) -> Bool {
            Tensor(name: ExactText(name), dtype: .bf16, shape: shape).growsAtEnd
        }
        #expect(grows("model.embed_tokens.weight", [10, 10]) && grows("lm_head.weight", [10, 10]))
        #expect(grows("x", [32000, 4096]) && !grows("model.layers.0.mlp.up_proj.weight", [14336, 4096]))
    }
}
