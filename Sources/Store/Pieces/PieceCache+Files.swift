internal import Platform

/// The store's own pieces, for a reader that asks at any place, such as a mount.
extension PieceCache {
    /// Copies a piece's bytes from `offset` on; nil if it is not here.
    package func copy(
        _ piece: PieceReader.Piece, from offset: Int, into room: inout MutableSpan<UInt8>
    ) -> Int? {
        copy(Key(piece: piece, source: nil), from: offset, into: &room)
    }

    /// Calls back when a piece is here, or cannot be read: at once, or on a thread of the store.
    package func wait(
        for piece: PieceReader.Piece, _ then: @escaping @Sendable (Result<Void, any Error>) -> Void
    ) {
        wait(for: Key(piece: piece, source: nil), by: reader, then)
    }

    /// Requests pieces in order: at most so many, and no more than there is room for.
    package func expect(upTo count: Int, _ pieces: (Int) -> [PieceReader.Piece]) {
        let next = pieces(room(upTo: count))
        expect(by: reader, upTo: next.count) { place in
            place < next.count ? Key(piece: next[place], source: nil) : nil
        }
    }
}
