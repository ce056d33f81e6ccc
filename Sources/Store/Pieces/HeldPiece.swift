package import Platform
internal import Synchronization

/// A piece's plain bytes in memory. The memory goes back to the store when nobody holds it.
package final class HeldPiece: Sendable {
    package let chunk: Chunk
    /// Whether its object has these bytes as they are.
    package let isRaw: Bool
    private let reader: LayerReader
    private let passedOn = Atomic(0)

    init(_ piece: PieceReader.Piece, by reader: LayerReader) throws {
        (chunk, isRaw) = try reader.read(piece.index, of: piece.layer)
        self.reader = reader
    }

    /// Notes that so many bytes were passed on; returns whether as many were as there are.
    func passOn(_ count: Int) -> Bool {
        passedOn.wrappingAdd(count, ordering: .relaxed).newValue >= chunk.count
    }

    deinit { reader.giveBack(chunk) }
}
