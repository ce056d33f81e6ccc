public import Model

/// Weights of a kind, and trained copies of them.
public enum Training: CaseIterable, Sendable {
    case none, one, noise, all, random, special, sorted

    public func pair(_ count: Int, _ dtype: DType, seed: UInt64) -> (base: [UInt8], plain: [UInt8]) {
        let weights = seededWeights(count, seed: seed)
        let noise = seededWeights(count, seed: seed + 1)
        func bytes(_ values: [Float]) -> [UInt8] {
            switch dtype {
            case .bf16: bf16(values)
            case .f16: Support.bytes(of: values.map { UInt16(truncatingIfNeeded: $0.bitPattern >> 13) })
            case .f64: Support.bytes(of: values.map { Double($0).bitPattern })
            default: f32(values)
            }
        }
        let base = bytes(weights)
        switch self {
        case .none: return (base, base)
        case .one:
            var plain = base
            if !plain.isEmpty { plain[plain.count / 2] ^= 1 }
            return (base, plain)
        case .noise: return (base, bytes(zip(weights, noise).map { $0 + $1 / 300 }))
        case .all: return (base, bytes(noise))
        case .random: return (seededBytes(base.count, seed: seed), seededBytes(base.count, seed: seed + 1))
        case .special:
            let odd: [Float] = [
                .nan, .signalingNaN, .infinity, -.infinity, 0, -0.0, .leastNonzeroMagnitude,
                -.leastNonzeroMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1,
                Float(bitPattern: .max),
            ]
            return (
                bytes((0..<count).map { odd[$0 % odd.count] }), bytes((0..<count).map { odd[$0 / 12 % odd.count] })
            )
        case .sorted: return (bytes(weights.sorted()), bytes(noise.sorted()))
        }
    }
}

/// Weights, and the same with a product of two thin matrices added.
public func adapterPair(
    _ rows: Int, _ columns: Int, rank: Int, _ dtype: DType, seed: UInt64, scale: Float = 1
) -> (base: [UInt8], plain: [UInt8]) {
    let weights = seededWeights(rows * columns, seed: seed)
    let (left, right) = (seededWeights(rows * rank, seed: seed + 1), seededWeights(rank * columns, seed: seed + 2))
    var tuned = weights
    for row in 0..<rows {
        for k in 0..<rank {
            let factor = left[row * rank + k] * scale
            for column in 0..<columns { tuned[row * columns + column] += factor * right[k * columns + column] }
        }
    }
    func bytes(_ values: [Float]) -> [UInt8] {
        switch dtype {
        case .bf16: bf16(values)
        case .f16: Support.bytes(of: values.map { Float16($0).bitPattern })
        default: f32(values)
        }
    }
    return (bytes(weights), bytes(tuned))
}
