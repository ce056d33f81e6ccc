/// The store's own pieces, for a reader that asks at any place, such as a mount.
extension PieceCache {
    /// Nil if it is not here.
    package func piece(_ piece: PieceReader.Piece) -> HeldPiece? { self.piece(Key(piece: piece, source: nil)) }

    /// A piece that is stored as it is goes when all of its bytes were passed on: the next one takes its memory while
    /// that is still in the processor's cache.
    package func note(_ count: Int, passedOnOf held: HeldPiece, _ piece: PieceReader.Piece) {
        if held.isRaw, held.passOn(count) { drop(Key(piece: piece, source: nil)) }
    }

    /// Calls back when a piece is here, or cannot be read: at once, or on a thread of the store.
    package func wait(
        for piece: PieceReader.Piece, _ then: @escaping @Sendable (Result<Void, any Error>) -> Void
    ) {
        wait(for: Key(piece: piece, source: nil), by: reader, then)
    }

    /// Requests pieces in order, no more than there is room for.
    package func expect(_ pieces: [PieceReader.Piece]) {
        expect(by: reader, upTo: pieces.count) { place in
            place < pieces.count ? Key(piece: pieces[place], source: nil) : nil
        }
    }
}
