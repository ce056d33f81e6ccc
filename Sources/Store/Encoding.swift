internal import Model
internal import Platform

/// How a layer is stored, decided once from a sample of it. Never part of the layer's identity.
struct Encoding: Sendable {
    let effort: ZstdEffort

    /// What stored bytes must fall below to be worth decoding each time.
    static let worthwhileShare = 0.985

    /// Weights are searched quickly, since there is little to find; text is worth more.
    static func effort(forTensor isTensor: Bool) -> ZstdEffort { .level(isTensor ? 1 : 3) }

    /// Decides for a layer too large to try whole, from samples spread evenly over it.
    static func choose(
        for plain: PlainBytes, isTensor: Bool, coder: Coder, piece: Chunk, frame: Chunk
    ) throws(CakeError) -> Encoding {
        let (samples, sampleSize): (UInt64, Int) = (5, 64 << 10)
        var (plainTotal, storedTotal) = (0, 0)
        for index in 0..<samples {
            let start = (plain.count - UInt64(sampleSize)) / (samples - 1) * index
            try plain.fill(piece, from: start, count: sampleSize)
            try piece.withBytes { bytes throws(CakeError) in
                try coder.encode(bytes, effort(forTensor: isTensor), into: frame)
            }
            plainTotal += sampleSize
            storedTotal += frame.count
        }
        let pays = Double(storedTotal) < Double(plainTotal) * worthwhileShare
        return Encoding(effort: pays ? effort(forTensor: isTensor) : .none)
    }
}
