internal import Model
internal import Platform

/// How a layer is stored, decided once from a sample of it. Never part of the layer's identity.
struct Encoding: Sendable {
    let effort: ZstdEffort

    /// What stored bytes must fall below to be worth decoding each time.
    static let worthwhileShare = 0.985

    /// Weights are searched quickly, since there is little to find; text is worth more.
    static func effort(forTensor isTensor: Bool) -> ZstdEffort { .level(isTensor ? 1 : 3) }

    /// What a search must save to be worth its time.
    private static let worthSearchingShare = 0.99

    /// Decides for a layer too large to try whole, from samples spread evenly over it.
    static func choose(
        for plain: PlainBytes, isTensor: Bool, coder: Coder, piece: Chunk, frame: Chunk
    ) throws(CakeError) -> Encoding {
        let (samples, sampleSize): (UInt64, Int) = (5, 64 << 10)
        let searched = effort(forTensor: isTensor)
        var (plainTotal, literalsTotal, searchedTotal) = (0.0, 0.0, 0.0)
        for index in 0..<samples {
            let start = (plain.count - UInt64(sampleSize)) / (samples - 1) * index
            try plain.fill(piece, from: start, count: sampleSize)
            try piece.withBytes { bytes throws(CakeError) in
                try coder.encode(bytes, .literals, into: frame)
                literalsTotal += Double(frame.count)
                try coder.encode(bytes, searched, into: frame)
                searchedTotal += Double(frame.count)
            }
            plainTotal += Double(sampleSize)
        }
        let best = searchedTotal < literalsTotal * worthSearchingShare ? searched : .literals
        let pays = min(literalsTotal, searchedTotal) < plainTotal * worthwhileShare
        return Encoding(effort: pays ? best : .none)
    }
}
