internal import Codec
public import Model
internal import Platform

extension LocalStore {
    /// The estimated stored size of a layer, from samples of it: 0 if one of `others` has the same piece in its middle,
    /// which is then likely the same layer; else its size without a base, or against the nearest of them if it may be a
    /// delta.
    public func estimate(
        of plain: PlainBytes, _ kind: Tensor.Kind?, beside others: [Layer], mayBeDelta: Bool
    ) throws(CakeError) -> UInt64 {
        let others = others.filter { $0.size == plain.count }
        for other in others where try hasSameMiddle(plain, other) { return 0 }
        let (piece, stored) = (plainChunks.take(), storedChunks.take())
        defer {
            plainChunks.giveBack(piece)
            storedChunks.giveBack(stored)
        }
        var share = try coders.use { coder throws(CakeError) in
            try Encoding.choose(for: plain, dtype: kind?.dtype, coder: coder, piece: piece, stored: stored).share
        }
        if mayBeDelta, let cost = try costs(of: plain, kind?.dtype, beside: others).min() {
            share = min(share, Double(cost) / Double(sampledBytes(of: plain)))
        }
        return UInt64(Double(plain.count) * min(max(share, 0), 1))
    }

    private func hasSameMiddle(_ plain: PlainBytes, _ other: Layer) throws(CakeError) -> Bool {
        let index = plain.pieces / 2
        let reader = LayerReader(self)
        let found: Chunk
        do {
            found = try reader.piece(index, of: other)
        } catch {
            guard error.kind == .damaged || error.kind == .notFound else { throw error }
            return false
        }
        let piece = plainChunks.take()
        defer {
            reader.giveBack(found)
            plainChunks.giveBack(piece)
        }
        try plain.fill(piece: index, into: piece)
        return piece.withBytes { left in found.withBytes { right in Checksum.of(left) == Checksum.of(right) } }
    }
}
