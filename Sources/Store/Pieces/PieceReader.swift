public import Model
public import Platform

/// The plain bytes of layers in order, such as those of a file: decoded piece by piece on all cores, in order or from
/// any place.
public struct PieceReader: Sendable {
    public struct Piece: Hashable, Sendable {
        public let layer: Layer
        /// Which of the layer's pieces.
        public let index: Int

        package init(layer: Layer, index: Int) { (self.layer, self.index) = (layer, index) }

        public var isLast: Bool { index == LayerReader.pieces(of: layer) - 1 }
    }

    /// A layer that is not here, or does not match its name.
    public struct Unreadable: Error {
        public let layer: Layer
        public let error: CakeError
    }

    /// How wrong bytes are detected.
    public enum Check: Sendable {
        /// By the checksums of each piece, before it is passed on.
        case pieces
        /// By the layer's digest, before the last of its pieces is passed on.
        case layers
    }

    private let reader: LayerReader
    /// Those that have bytes.
    private let layers: [Layer]
    /// Where each begins, and the number of pieces before it.
    private let extents: Extents
    private let pieces: Extents

    public init(_ layers: some Sequence<Layer>, by reader: LayerReader) {
        self.reader = reader
        self.layers = layers.filter { $0.size > 0 }
        extents = Extents(self.layers.lazy.map(\.size))
        pieces = Extents(self.layers.lazy.map { UInt64(LayerReader.pieces(of: $0)) })
    }

    public var count: Int { Int(pieces.whole.upperBound) }

    public subscript(number: Int) -> Piece {
        let place = pieces.index(at: UInt64(number))
        return Piece(layer: layers[place], index: number - Int(pieces[place].lowerBound))
    }

    /// The number of the piece with a byte, and how many of its bytes come before that one.
    public func piece(at position: UInt64) -> (number: Int, offset: Int) {
        let place = extents.index(at: position)
        let (index, offset) = (position - extents[place].lowerBound).quotientAndRemainder(
            dividingBy: UInt64(LayerReader.pieceSize))
        return (Int(pieces[place].lowerBound + index), Int(offset))
    }

    /// Where a piece begins.
    func start(of number: Int) -> UInt64 {
        let place = pieces.index(at: UInt64(number))
        return extents[place].lowerBound + (UInt64(number) - pieces[place].lowerBound) * UInt64(LayerReader.pieceSize)
    }

    /// Hands on all pieces in order; so many are decoded ahead.
    public func forEach(
        ahead: Int = 2 * BlockingPool.processors + 2, checking check: Check,
        _ take: (Piece, Chunk) throws -> Void
    ) async throws {
        var hash = SHA256()
        try await inOrder(count, atOnce: ahead, on: reader.pool) { number in
            try Task.checkCancellation()
            return try read(number, check)
        } take: { number, chunk in
            defer { reader.giveBack(chunk) }
            let piece = self[number]
            if case .layers = check {
                chunk.withBytes { hash.update($0) }
                if piece.isLast {
                    var whole = SHA256()
                    swap(&whole, &hash)
                    try compare(whole.finish(), with: piece.layer)
                }
            }
            try take(piece, chunk)
        }
    }

    /// Passes on a range of the bytes in order, and of each piece the part that is in the range.
    func read(
        _ range: Range<UInt64>, ahead: Int = 2 * BlockingPool.processors + 2,
        _ take: (Chunk, Range<Int>) async throws -> Void
    ) async throws {
        guard !range.isEmpty else { return }
        let first = piece(at: range.lowerBound).number
        let count = piece(at: range.upperBound - 1).number - first + 1
        try await inOrder(count, atOnce: ahead, on: reader.pool) { number in
            try Task.checkCancellation()
            return try read(first + number, .pieces)
        } take: { number, chunk in
            defer { reader.giveBack(chunk) }
            let start = start(of: first + number)
            let part = range.clamped(to: start..<start + UInt64(chunk.count))
            try await take(chunk, Int(part.lowerBound - start)..<Int(part.upperBound - start))
        }
    }

    /// The same of all pieces on the calling thread.
    public func forEach(_ take: (Chunk) throws -> Void) throws {
        for number in 0..<count {
            try Task.checkCancellation()
            let chunk = try read(number, .pieces)
            defer { reader.giveBack(chunk) }
            try take(chunk)
        }
    }

    /// The disk is started on the bytes after the layer.
    private func read(_ number: Int, _ check: Check) throws -> Chunk {
        let place = pieces.index(at: UInt64(number))
        let index = number - Int(pieces[place].lowerBound)
        if index == 0 {
            for next in layers.dropFirst(place + 1).prefix(LayerReader.aheadCount) { reader.startReading(next) }
        }
        do throws(CakeError) {
            return try reader.piece(index, of: layers[place], hashedLater: check == .layers)
        } catch {
            guard error.kind == .damaged || error.kind == .notFound else { throw error }
            throw Unreadable(layer: layers[place], error: error)
        }
    }

    private func compare(_ found: Digest, with layer: Layer) throws(Unreadable) {
        guard found == layer.digest else {
            throw Unreadable(layer: layer, error: CakeError(.damaged, "its bytes hash to \(found.short)"))
        }
    }
}
