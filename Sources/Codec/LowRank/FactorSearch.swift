internal import Model
internal import Platform

/// Finds the factors of a layer's difference from its base, reading both piece by piece: first the rows' directions in
/// a few pieces, in turns with the columns'; then, over all of them, the left factor, and the right one that fits it
/// best.
///
/// With any result, the object is right. But the same layer gives the same object: nothing is random, and sums have a
/// fixed order.
struct FactorSearch: ~Copyable {
    private let matrix: Matrix
    /// Directions that are looked for: a multiple of eight, and some more than are expected.
    private let width: Int
    /// Mean square of the rounding error of any sum.
    private let noise: Double
    /// Bits that factors must save of each element.
    private let worthwhile: Double
    /// The difference of a piece from its base.
    private var room: [Float]
    /// The sum of squares of the last pass.
    private var energy = 0.0

    /// The matrices of the search take about three times this.
    private static let mostBytes = 16 << 20
    private static let more = 8
    private static let mostTurns = 8

    /// Nil where it would take too much memory.
    init?(_ matrix: Matrix, expecting rank: Int, noise: Double, saving worthwhile: Double) {
        width = (rank + FactorSearch.more + 7) / 8 * 8
        guard (matrix.rows + matrix.columns) * width * 8 <= FactorSearch.mostBytes,
            matrix.columns <= matrix.elementsInPiece
        else { return nil }
        self.matrix = matrix
        self.noise = noise
        self.worthwhile = worthwhile
        room = [Float](repeating: 0, count: min(matrix.elementsInPiece, matrix.rows * matrix.columns))
    }

    /// Nil where too little would be gained.
    mutating func factors(_ source: Encoding.PairSource) throws(CakeError) -> Factors? {
        guard let directions = try directions(source) else { return nil }
        var sums = [Double](repeating: 0, count: matrix.rows * width)
        let all = Array(0..<matrix.pieces)
        try forEachBlock(of: all, source) { block, row, column, count in
            Matrices.add(block, columns: count, times: directions, from: column, to: &sums, from: row)
        }
        guard let (left, bits) = leftFactor(sums.map { Float($0) }) else { return nil }
        let padded = (bits.count + 7) / 8 * 8
        var right = Matrices.Blocks(rows: matrix.columns, width: padded)
        try forEachBlock(of: all, source) { block, row, column, count in
            Matrices.add(block, columns: count, transposedTimes: left, from: row, to: &right, from: column)
        }
        return fitted(left, right, bits)
    }

    /// Orthonormal directions that the rows of a few pieces have.
    private mutating func directions(_ source: Encoding.PairSource) throws(CakeError) -> Matrices.Blocks? {
        let rowsInPiece = room.count / matrix.columns
        let count = min(matrix.pieces, max(4, min(16, 4 * width / max(1, rowsInPiece) + 1)))
        let sample = (0..<count).map { matrix.pieces * (2 * $0 + 1) / (2 * count) }
        var directions = Matrices.Blocks(rows: matrix.columns, width: width)
        var signs = Signs()
        for row in 0..<matrix.columns { for column in 0..<width { directions[row, column] = signs.next() } }
        var caught = 0.0
        for _ in 0..<FactorSearch.mostTurns {
            let known = directions
            var sums = [Double](repeating: 0, count: matrix.rows * width)
            try forEachBlock(of: sample, onlyWholeRows: true, source) { block, row, column, count in
                Matrices.add(block, columns: count, times: known, from: column, to: &sums, from: row)
            }
            guard energy > 0 else { return nil }
            let left = orthonormal(sums.map { Float($0) }).map { Double($0) }
            var found = Matrices.Blocks(rows: matrix.columns, width: width)
            try forEachBlock(of: sample, onlyWholeRows: true, source) { block, row, column, count in
                Matrices.add(block, columns: count, transposedTimes: left, from: row, to: &found, from: column)
            }
            let floats = found.floats
            directions = Matrices.Blocks(orthonormal(orthonormal(floats)), width: width)
            // Where rounding is as large as the adapter, it takes some turns.
            let now = Matrices.energy(floats.span)
            guard now - caught > max((energy - now) * 0.002, energy * 1e-9) else { break }
            caught = now
        }
        return directions
    }

    /// Of the layer times the directions, rotated with the largest first: the rows that pay, only as exact as the
    /// remaining differences require, padded to a multiple of eight. And how many bits each of them has.
    private func leftFactor(_ sums: [Float]) -> (left: [Double], bits: [Int])? {
        let (values, vectors) = FactorSearch.products(sums, width).eigen()
        let scale = 1 / (Double(matrix.rows) * Double(matrix.columns))
        let missed = max(0, energy - values.reduce(0, +))
        let means = (0...min(width, LowRank.mostRank)).map { rank in
            max(noise, (values[rank...].reduce(0, +) + missed) * scale)
        }
        let gain = RankGain(matrix)
        guard let (rank, _) = gain.best(means, atLeast: worthwhile) else { return nil }
        // Below a millionth, the missing part is the rounding error of the sums.
        let left = missed < energy * 1e-6 ? min(max(noise, .leastNormalMagnitude), means[rank]) : means[rank]
        let bits = (0..<rank).map { index in
            let share = values[index] * scale * Double(rank) / left
            return max(4, min(24, Int((RankGain.log2(share) / 2 + 3).rounded(.up))))
        }
        var turning = Matrices.Blocks(rows: width, width: width)
        for column in 0..<rank where values[column] > 0 {
            let factor = 1 / values[column].squareRoot()
            for row in 0..<width { turning[row, column] = Double(Float(vectors[row * width + column] * factor)) }
        }
        let turned = product(sums, turning)
        let padded = (rank + 7) / 8 * 8
        var factor = [Double](repeating: 0, count: matrix.rows * padded)
        for row in 0..<matrix.rows {
            for column in 0..<rank {
                factor[row * padded + column] = Double(turned[row * width + column].rounded(toBits: bits[column]))
            }
        }
        return (factor, bits)
    }

    /// Both factors, the right one by least squares.
    private func fitted(_ left: [Double], _ sums: Matrices.Blocks, _ bits: [Int]) -> Factors? {
        let (rank, padded) = (bits.count, sums.width)
        guard let lowRank = LowRank(matrix, rank: rank) else { return nil }
        let products = FactorSearch.products(left.map { Float($0) }, padded)
        let inverse = SymmetricMatrix(size: rank) { products[$0, $1] }.inverse()
        var numbers: [Float] = []
        numbers.reserveCapacity(lowRank.count)
        for row in 0..<rank {
            for column in 0..<matrix.columns {
                var sum = 0.0
                for index in 0..<rank { sum += inverse[row, index] * sums[column, index] }
                numbers.append(Float(sum).rounded(toBits: bits[row]))
            }
        }
        for row in 0..<matrix.rows { for column in 0..<rank { numbers.append(Float(left[row * padded + column])) } }
        return Factors(lowRank, numbers)
    }

    /// Iterates over the differences of pieces from the base's, in runs of rows that begin at the same column.
    private mutating func forEachBlock(
        of pieces: [Int], onlyWholeRows: Bool = false, _ source: Encoding.PairSource,
        _ body: (_ block: Span<Float>, _ row: Int, _ column: Int, _ count: Int) -> Void
    ) throws(CakeError) {
        var sum = 0.0
        let (layout, columns) = (matrix.layout, matrix.columns)
        for piece in pieces {
            let first = piece * matrix.elementsInPiece
            var (elements, done) = (0, 0)
            try source(piece) { plain, base throws(CakeError) in
                elements = plain.count / layout.width
                guard base.count == plain.count, elements <= room.count else {
                    throw CakeError(.damaged, "a delta against a base of another size")
                }
                var differences = room.mutableSpan._consumingExtracting(0..<elements)
                Matrices.subtract(base, from: plain, layout, into: &differences)
            }
            while done < elements {
                let (row, column) = (first + done).quotientAndRemainder(dividingBy: columns)
                let left = elements - done
                let whole = column == 0 && left >= columns
                let count = whole ? left / columns * columns : min(columns - column, left)
                if whole || !onlyWholeRows {
                    let block = room.span.extracting(done..<done + count)
                    sum += Matrices.energy(block)
                    body(block, row, column, whole ? columns : count)
                }
                done += count
            }
        }
        energy = sum
    }
}

// Matrices of `width` columns, row by row.
extension FactorSearch {
    /// Of each two columns.
    private static func products(_ floats: [Float], _ width: Int) -> SymmetricMatrix {
        let products = Matrices.products(floats, columns: width)
        return SymmetricMatrix(size: width) { products[$0, $1] }
    }

    private func product(_ floats: [Float], _ right: Matrices.Blocks) -> [Float] {
        var sums = [Double](repeating: 0, count: floats.count)
        Matrices.add(floats.span, columns: width, times: right, from: 0, to: &sums, from: 0)
        return sums.map { Float($0) }
    }

    private func orthonormal(_ floats: [Float]) -> [Float] {
        let columns = FactorSearch.products(floats, width).orthonormalizing()
        return product(floats, Matrices.Blocks(columns.map { Float($0) }, width: width))
    }
}

/// One and minus one by turns that look like chance (SplitMix64), always the same.
private struct Signs {
    private var state: UInt64 = 0

    mutating func next() -> Double {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return (mixed ^ mixed >> 31) & 1 == 0 ? 1 : -1
    }
}

extension Float {
    /// To so many significant bits.
    fileprivate func rounded(toBits count: Int) -> Float {
        guard count < 24, isFinite else { return self }
        let dropped = UInt32(24 - count)
        let half: UInt32 = 1 << (dropped - 1)
        let bits = bitPattern + (half - 1) + (bitPattern >> dropped & 1)
        return Float(bitPattern: bits & ~((1 << dropped) - 1))
    }
}
