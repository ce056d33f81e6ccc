public import Model
public import Platform

/// Plain bytes of a layer from any place, to be read as often as needed.
public protocol PieceSource: Sendable {
    var count: UInt64 { get }

    /// Puts exactly `count` bytes from `offset` on into a chunk.
    func fill(_ chunk: Chunk, from offset: UInt64, count: Int) throws(CakeError)
}

extension PieceSource {
    /// How many pieces of the standard size they make.
    package var pieces: Int { Int(ObjectHeader.pieces(of: count)) }

    package func fill(piece index: Int, into chunk: Chunk) throws(CakeError) {
        let offset = UInt64(index) << UInt64(ObjectHeader.standardPieceBits)
        try fill(chunk, from: offset, count: Int(min(UInt64(chunk.capacity), count - offset)))
    }
}
