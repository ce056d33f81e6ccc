internal import Model
internal import Platform

/// The gain of storing the factors of each rank, in bits for each element of a matrix.
struct RankGain {
    /// Numbers of the factors that each rank takes, for each element.
    private let numbers: Double

    init(_ matrix: Matrix) {
        let (rows, columns) = (Double(matrix.rows), Double(matrix.columns))
        numbers = (rows + columns) / (rows * columns)
    }

    /// `energies` are mean squares of the differences that no, one, two … ranks leave. Nil if none gains enough.
    func best(_ energies: [Double], atLeast worthwhile: Double) -> (rank: Int, bits: Double)? {
        guard let whole = energies.first, whole > 0 else { return nil }
        var best: (rank: Int, bits: Double)?
        for (rank, left) in energies.enumerated().dropFirst() {
            let bits = bits(of: rank, whole: whole, left: left)
            if bits > best?.bits ?? worthwhile { best = (rank, bits) }
        }
        return best
    }

    /// `left` of the energy `whole` is left. A factor's numbers are as exact as that requires, and have a sign and an
    /// exponent.
    func bits(of rank: Int, whole: Double, left: Double) -> Double {
        let gain = left > 0 ? min(RankGain.log2(whole / left) / 2, RankGain.most) : RankGain.most
        return gain - Double(rank) * numbers * (gain + 7)
    }

    /// No fraction of a float is longer than this.
    private static let most = 23.0

    /// To a tenth, and the same on every machine.
    static func log2(_ number: Double) -> Double { Double(number.exponent) + (number.significand - 1) }
}

/// A few rows of a layer's difference from its base, which show whether its rank is low. A full fine-tune is recognised
/// for the price of reading a piece or two.
struct RankEstimate: ~Copyable {
    private let matrix: Matrix
    private var plain: [UInt8] = []
    private var base: [UInt8] = []
    private var taken = 0

    /// Rows that are looked at: as many as a low rank may have and more, or fewer of a layer that is read quickly.
    private let most: Int
    /// The columns.
    private let looked: Range<Int>

    init(_ matrix: Matrix) {
        self.matrix = matrix
        most = matrix.pieces > 4 ? 96 : 64
        let count = min(384, matrix.columns)
        looked = (matrix.columns - count) / 2..<(matrix.columns + count) / 2
    }

    /// Pieces, spread over the layer, that have enough rows.
    func pieces(of pieces: Int) -> [Int] {
        let rowsInPiece = max(1, matrix.elementsInPiece / matrix.columns)
        let count = min(pieces, RankEstimate.mostPieces, (most - 1) / rowsInPiece + 1)
        return (0..<count).map { pieces * (2 * $0 + 1) / (2 * count) }
    }

    private static let mostPieces = 8

    /// Takes rows that differ from a piece, one of so many that are looked at.
    mutating func add(piece index: Int, _ piece: Span<UInt8>, _ beside: Span<UInt8>, ofPieces count: Int) {
        let (layout, columns, first) = (matrix.layout, matrix.columns, index * matrix.elementsInPiece)
        let begin = (first + columns - 1) / columns
        let end = (first + piece.count / layout.width) / columns
        let wanted = min(most - taken, (most - 1) / count + 1)
        guard begin < end, wanted > 0, beside.count == piece.count else { return }
        var added = 0
        // Twice as many rows are looked at as are wanted: those that are the base's say nothing.
        for row in stride(from: begin, to: end, by: max(1, (end - begin) / (2 * wanted))) where added < wanted {
            let before = plain.count
            let start = (row * columns + looked.lowerBound - first) * layout.width
            var isSame = true
            for byte in start..<start + looked.count * layout.width {
                isSame = isSame && piece[byte] == beside[byte]
                plain.append(piece[byte])
                base.append(beside[byte])
            }
            if isSame {
                plain.removeSubrange(before...)
                base.removeSubrange(before...)
            } else {
                added += 1
            }
        }
        taken += added
    }

    /// The rank that would save most, nil if none saves enough.
    func rank(saving worthwhile: Double) -> Int? {
        let ranks = min(LowRank.mostRank, min(taken, looked.count) * 2 / 3)
        guard ranks > 0 else { return nil }
        // Rows become columns, some of them empty, so that their products are the kernel's.
        let padded = (taken + 7) / 8 * 8
        let differences = floats(plain, beyond: base)
        var columns = [Float](repeating: 0, count: looked.count * padded)
        for row in 0..<taken {
            for column in 0..<looked.count { columns[column * padded + row] = differences[row * looked.count + column] }
        }
        let products = Matrices.products(columns, columns: padded)
        let values = SymmetricMatrix(size: taken) { products[$0, $1] }.eigenvalues()
        let means = (0...ranks).map { rank in
            // So many numbers are free to be noise when so many ranks took theirs.
            values[rank...].reduce(0, +) / Double((taken - rank) * (looked.count - rank))
        }
        return RankGain(matrix).best(means, atLeast: worthwhile)?.rank
    }

    /// The mean square of the rounding error of numbers like the base's.
    func roundingNoise() -> Double {
        let numbers = floats(base, beyond: [UInt8](repeating: 0, count: base.count))
        guard !numbers.isEmpty else { return 0 }
        let mean = Matrices.energy(numbers.span) / Double(numbers.count)
        // A step is 0.72 of the number it ends, times 2^-fraction, on average; the error is 1/12 of it, in the square.
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
