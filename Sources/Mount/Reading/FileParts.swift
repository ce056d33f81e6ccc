internal import Model
internal import Platform
internal import Store
internal import Transfer

/// Which part of a file has a byte, and which piece of which layer.
struct FileParts: Sendable {
    /// What is at a place of a file.
    enum Spot {
        /// These bytes from an offset on.
        case bytes([UInt8], Int)
        case zeros(UInt64)
        /// A piece, from an offset on.
        case piece(PieceReader.Piece, Int)
        /// Bytes that may have to be made first, from an offset on.
        case made(MadeBytes, Int)
        /// Bytes that may have to be downloaded first, from an offset on.
        case lazy(LazyFile, UInt64)
    }

    let parts: [Content.Part]
    private let extents: Extents
    /// By the index of their part.
    private let made: [Int: MadeBytes]
    private let work: BackgroundWork

    init(_ parts: [Content.Part], making work: BackgroundWork) {
        self.parts = parts.filter { $0.size > 0 }
        extents = Extents(self.parts.lazy.map(\.size))
        var made: [Int: MadeBytes] = [:]
        for (index, part) in self.parts.enumerated() {
            if case .made(let source) = part { made[index] = MadeBytes(source, on: work) }
        }
        self.made = made
        self.work = work
    }

    var size: UInt64 { extents.whole.upperBound }

    /// The place is in the file.
    func spot(at place: UInt64) -> Spot {
        let index = extents.index(at: place)
        let offset = place - extents[index].lowerBound
        switch parts[index] {
        case .bytes(let bytes): return .bytes(bytes, Int(offset))
        case .made(let source): return .made(made[index] ?? MadeBytes(source, on: work), Int(offset))
        case .lazy(let file): return .lazy(file, offset)
        case .zeros: return .zeros(extents[index].upperBound - place)
        case .layer(let layer):
            let (piece, rest) = offset.quotientAndRemainder(dividingBy: UInt64(LayerReader.pieceSize))
            return .piece(PieceReader.Piece(layer: layer, index: Int(piece)), Int(rest))
        }
    }

    /// The pieces of a range in order, at most so many, and where each ends.
    func pieces(of range: Range<UInt64>, atMost count: Int) -> [(piece: PieceReader.Piece, end: UInt64)] {
        var pieces: [(piece: PieceReader.Piece, end: UInt64)] = []
        var place = range.lowerBound
        let end = min(range.upperBound, size)
        var index = place < end ? extents.index(at: place) : 0
        while place < end, pieces.count < count {
            let extent = extents[index]
            if case .lazy(let file) = parts[index] {
                let rest = place - extent.lowerBound..<min(end, extent.upperBound) - extent.lowerBound
                pieces += FileParts.pieces(of: rest, in: file, atMost: count - pieces.count)
            }
            guard case .layer(let layer) = parts[index] else {
                (place, index) = (extent.upperBound, index + 1)
                continue
            }
            let piece = (place - extent.lowerBound) / UInt64(LayerReader.pieceSize)
            place = min(extent.upperBound, extent.lowerBound + (piece + 1) * UInt64(LayerReader.pieceSize))
            pieces.append((PieceReader.Piece(layer: layer, index: Int(piece)), place))
            if place == extent.upperBound { index += 1 }
        }
        return pieces
    }
}
