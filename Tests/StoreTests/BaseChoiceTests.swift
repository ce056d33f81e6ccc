import Model
import Support
import Testing
import Transfer

@testable import Store

@Suite struct `Of bases that look alike` {
    private static let all = seededWeights(530_000, seed: 1)
    private static let noise = seededWeights(530_000, seed: 2)

    private static func model(_ number: Int, tuned: Bool) throws -> ModelMaker.Files {
        func weights(_ count: Int) -> [UInt8] {
            // Each base has the same numbers, elsewhere.
            let turned = (all[(number * 1000)...] + all[..<(number * 1000)]).prefix(count)
            return bf16(tuned ? zip(turned, noise).map { $0 + $1 / 300 } : Array(turned))
        }
        func part(_ name: String, _ count: Int) -> ModelMaker.Part {
            ModelMaker.Part(Tensor(name: ExactText(name), dtype: .bf16, shape: [UInt64(count)]), weights(count))
        }
        return ["model.safetensors": try ModelMaker.safetensors([part("large", 530_000), part("small", 20_000)])]
    }

    @Test func `a model finds the one that it was made from`() async throws {
        try await onPool {
            let bench = try Bench()
            for number in 0..<7 { try await bench.bring(Self.model(number, tuned: false), as: "base\(number)") }
            for number in stride(from: 0, to: 7, by: 2) {
                try await bench.bring(Self.model(number, tuned: true), as: "tuned\(number)")
                for name in ["large", "small"] {
                    let found = try bench.other().store.find(bench.layer(name, of: "tuned\(number)"))
                    #expect(try found?.base == bench.layer(name, of: "base\(number)").digest, "\(name) of \(number)")
                }
            }
        }
    }
}
