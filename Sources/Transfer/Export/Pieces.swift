internal import Model
internal import Platform
internal import Store

/// The pieces of layers that stand one after the other.
struct Pieces: Sendable {
    private let layers: [Layer]
    /// How many pieces come before each layer.
    private let extents: Extents
    var count: Int { Int(extents.whole.upperBound) }

    init(of wanted: [Layer]) {
        layers = wanted.filter { $0.size > 0 }
        extents = Extents(layers.lazy.map { UInt64(LayerReader.pieces(of: $0)) })
    }

    /// A piece's plain bytes. The disk is set to work on what comes after its layer.
    func read(_ index: Int, with reader: LayerReader, hashedLater: Bool = false) throws(CakeError) -> Chunk {
        let (place, piece) = place(of: index)
        if piece == 0 {
            for next in layers.dropFirst(place + 1).prefix(LayerReader.aheadCount) { reader.startReading(next) }
        }
        return try reader.piece(piece, of: layers[place], hashedLater: hashedLater)
    }

    /// Which piece of which layer it is.
    subscript(index: Int) -> (layer: Layer, piece: Int) {
        let (place, piece) = place(of: index)
        return (layers[place], piece)
    }

    private func place(of index: Int) -> (layer: Int, piece: Int) {
        let place = extents.index(at: UInt64(index))
        return (place, index - Int(extents[place].lowerBound))
    }
}
