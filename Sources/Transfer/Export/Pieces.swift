internal import Model
internal import Platform
internal import Store

/// The pieces of layers that stand one after the other.
struct Pieces: Sendable {
    private let layers: [Layer]
    /// How many pieces come before each layer.
    private let firsts: [Int]
    let count: Int

    init(of wanted: [Layer]) {
        layers = wanted.filter { $0.size > 0 }
        var firsts: [Int] = []
        var total = 0
        for layer in layers {
            firsts.append(total)
            total += LayerReader.pieces(of: layer)
        }
        self.firsts = firsts
        count = total
    }

    /// A piece's plain bytes. The disk is set to work on what comes after its layer.
    func read(_ index: Int, with reader: LayerReader, hashedLater: Bool = false) throws(CakeError) -> Chunk {
        let place = place(of: index)
        let piece = index - firsts[place]
        if piece == 0 {
            for next in layers.dropFirst(place + 1).prefix(LayerReader.aheadCount) { reader.startReading(next) }
        }
        return try reader.piece(piece, of: layers[place], hashedLater: hashedLater)
    }

    /// Which piece of which layer it is.
    subscript(index: Int) -> (layer: Layer, piece: Int) {
        let place = place(of: index)
        return (layers[place], index - firsts[place])
    }

    private func place(of index: Int) -> Int {
        var (low, high) = (0, firsts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if firsts[middle] <= index { low = middle } else { high = middle }
        }
        return low
    }
}
