internal import Model
internal import Platform

/// What is gained by storing the factors of so many ranks, in bits for each element of a matrix.
struct RankGain {
    /// Numbers of the factors that each rank takes, for each element.
    private let numbers: Double

    init(_ matrix: Matrix) {
        let (rows, columns) = (Double(matrix.rows), Double(matrix.columns))
        numbers = (rows + columns) / (rows * columns)
    }

    /// `energies` are mean squares of what no, one, two … ranks leave. Nil where none gains as much as it should.
    func best(_ energies: [Double], atLeast worthwhile: Double) -> (rank: Int, bits: Double)? {
        guard let whole = energies.first, whole > 0 else { return nil }
        var best: (rank: Int, bits: Double)?
        for (rank, left) in energies.enumerated().dropFirst() {
            let bits = bits(of: rank, whole: whole, left: left)
            if bits > best?.bits ?? worthwhile { best = (rank, bits) }
        }
        return best
    }

    /// Of so much energy so much is left. A factor's numbers are as exact as that asks for, and have a sign and an exponent.
    func bits(of rank: Int, whole: Double, left: Double) -> Double {
        let gain = left > 0 ? min(RankGain.log2(whole / left) / 2, RankGain.most) : RankGain.most
        return gain - Double(rank) * numbers * (gain + 7)
    }

    /// No fraction of a float is longer than this.
    private static let most = 23.0

    /// To a tenth, and the same on every machine.
    static func log2(_ number: Double) -> Double { Double(number.exponent) + (number.significand - 1) }
}

/// A few rows and columns of what a layer is beyond its base, from which can be seen whether its rank is low: eliminated one by
/// one, little is left after so many. A full fine-tune is found out for the price of reading a piece.
struct RankEstimate: ~Copyable {
    private static let most = 96
    /// What a rank must save of each element.
    static let worthwhile = 0.5

    private let matrix: Matrix
    private var plain: [UInt8] = []
    private var base: [UInt8] = []
    private var taken = 0

    /// The columns of the layer that are looked at.
    private let looked: [Int]

    init(_ matrix: Matrix) {
        self.matrix = matrix
        let columns = matrix.columns
        let count = min(RankEstimate.most, columns)
        looked = (0..<count).map { columns * (2 * $0 + 1) / (2 * count) }
    }

    /// Pieces, spread over the layer, that have enough rows.
    func pieces(of pieces: Int) -> [Int] {
        let rowsInPiece = max(1, matrix.elementsInPiece / matrix.columns)
        let count = min(pieces, RankEstimate.mostPieces, (RankEstimate.most - 1) / rowsInPiece + 1)
        return (0..<count).map { pieces * (2 * $0 + 1) / (2 * count) }
    }

    private static let mostPieces = 8

    /// Takes rows that differ from a piece, one of so many that are looked at.
    mutating func add(piece index: Int, _ piece: Span<UInt8>, _ beside: Span<UInt8>, ofPieces count: Int) {
        let (layout, columns, first) = (matrix.layout, matrix.columns, index * matrix.elementsInPiece)
        let begin = (first + columns - 1) / columns
        let end = (first + piece.count / layout.width) / columns
        let wanted = min(RankEstimate.most - taken, (RankEstimate.most - 1) / count + 1)
        guard begin < end, wanted > 0 else { return }
        var added = 0
        // Twice as many rows are looked at as are wanted: those that are the base's say nothing.
        let step = max(1, (end - begin) / (2 * wanted))
        for row in stride(from: begin, to: end, by: step) where added < wanted {
            let (before, places) = (plain.count, looked.map { (row * columns + $0 - first) * layout.width })
            for place in places {
                for byte in place..<place + layout.width {
                    plain.append(piece[byte])
                    base.append(beside[byte])
                }
            }
            if plain[before...] == base[before...] {
                plain.removeSubrange(before...)
                base.removeSubrange(before...)
            } else {
                added += 1
            }
        }
        taken += added
    }

    /// The rank that would save most, nil where none saves enough.
    func rank() -> Int? {
        let steps = min(LowRank.mostRank, min(taken, looked.count) * 2 / 3)
        guard steps > 0 else { return nil }
        let differences = floats(plain, beyond: base)
        let energies = Matrices.eliminate(differences.span, columns: looked.count, steps: steps)
        let means = energies.enumerated().map { step, energy in
            energy / Double((taken - step) * (looked.count - step))
        }
        return RankGain(matrix).best(means, atLeast: RankEstimate.worthwhile)?.rank
    }

    /// The mean square of what is lost when numbers like the base's are rounded.
    func roundingNoise() -> Double {
        let numbers = floats(base, beyond: [UInt8](repeating: 0, count: base.count))
        guard !numbers.isEmpty else { return 0 }
        let mean = Matrices.energy(numbers.span) / Double(numbers.count)
        // A step is 0.72 of the number it ends, times 2^-fraction, on average; what is lost of it, 1/12 in the square.
        let step = 0.72 / Double(1 << matrix.layout.fraction)
        return mean * step * step / 12
    }

    private func floats(_ plain: [UInt8], beyond base: [UInt8]) -> [Float] {
        var floats = [Float](repeating: 0, count: plain.count / matrix.layout.width)
        var room = floats.mutableSpan
        Matrices.subtract(base.span, from: plain.span, matrix.layout, into: &room)
        return floats
    }
}
