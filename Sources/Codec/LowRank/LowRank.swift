package import Model
package import Platform

/// A layer as rows of floats.
package struct Matrix: Hashable, Sendable {
    let layout: FloatLayout
    let rows: Int
    let columns: Int

    /// Less is not worth factors.
    private static let least = 48

    /// Nil where the layer is something else, or too small.
    package init?(_ kind: Tensor.Kind?, size: UInt64) {
        guard let kind, kind.shape.count > 1, Tensor.byteCount(of: kind.dtype, shape: kind.shape) == size,
            size < 1 << 40
        else { return nil }
        switch kind.dtype {
        case .bf16: layout = .bf16
        case .f16: layout = .f16
        case .f32: layout = .f32
        default: return nil
        }
        guard let rows = kind.shape.first, rows >= Matrix.least, rows <= size else { return nil }
        self.rows = Int(rows)
        columns = Int(size) / layout.width / self.rows
        guard columns >= Matrix.least else { return nil }
    }

    var elementsInPiece: Int { (1 << Int(ObjectHeader.standardPieceBits)) / layout.width }

    var pieces: Int { (rows * columns - 1) / elementsInPiece + 1 }
}

/// A matrix of elements: the sum of a base's and a product of two thin matrices. These are the parameters in the
/// object.
package struct LowRank: Hashable, Sendable {
    let layout: FloatLayout
    let rank: Int
    let rows: Int
    let columns: Int

    static let mostRank = 64
    /// The most memory that the factors of a layer may take.
    static let mostBytes = 8 << 20

    /// Nil if the factors would be larger than the limit, or the layer is not such a matrix.
    init?(_ layout: FloatLayout, rank: Int, columns: Int, size: UInt64) {
        guard (1...LowRank.mostRank).contains(rank), columns > 0, columns < 1 << 32, size > 0,
            size % UInt64(columns * layout.width) == 0
        else { return nil }
        let rows = size / UInt64(columns * layout.width)
        guard rows + UInt64(columns) <= UInt64(LowRank.mostBytes / 4 / rank) else { return nil }
        self.layout = layout
        self.rank = rank
        self.rows = Int(rows)
        self.columns = columns
    }

    init?(_ matrix: Matrix, rank: Int) {
        let bytes = matrix.rows * matrix.columns * matrix.layout.width
        self.init(matrix.layout, rank: rank, columns: matrix.columns, size: UInt64(bytes))
    }

    init?(parameters: [UInt8], size: UInt64) {
        guard parameters.count == 7,
            let layout = FloatLayout.all.first(where: { [$0.width, $0.fraction] == parameters[..<2].map { Int($0) } })
        else { return nil }
        let columns = parameters.span.littleEndian(UInt32.self, at: 3)
        self.init(layout, rank: Int(parameters[2]), columns: Int(columns), size: size)
    }

    var parameters: [UInt8] {
        var parameters = [UInt8(layout.width), UInt8(layout.fraction), UInt8(rank)]
        parameters.append(littleEndian: UInt32(columns))
        return parameters
    }

    /// Floats of both factors.
    package var count: Int { rank * (rows + columns) }

    /// How many bytes of the factors each of their own pieces holds.
    package func sizes(pieceSize: Int) -> [Int] {
        stride(from: 0, to: 4 * count, by: pieceSize).map { min(pieceSize, 4 * count - $0) }
    }
}

/// The two thin matrices themselves.
package final class Factors: Sendable {
    let lowRank: LowRank
    /// Row by row.
    private let left: [Float]
    /// In tiles.
    private let right: [Float]

    /// How the bytes of the factors are coded.
    package static let form = Form.planes(width: 4)

    /// From the numbers of the right factor, row by row, and then those of the left. Nil if one of them is infinite or
    /// NaN, because no sum would be reliable.
    package init?(_ lowRank: LowRank, _ numbers: [Float]) {
        let (rank, columns) = (lowRank.rank, lowRank.columns)
        guard numbers.count == lowRank.count, numbers.allSatisfy(\.isFinite) else { return nil }
        var right = [Float](repeating: 0, count: Matrices.tiledCount(columns: columns, rank: rank))
        for row in 0..<rank {
            for column in 0..<columns {
                right[Matrices.tiledPlace(row: row, column: column, rank: rank)] = numbers[row * columns + column]
            }
        }
        self.lowRank = lowRank
        self.left = Array(numbers[(rank * columns)...])
        self.right = right
    }

    /// The float at a place.
    private func number(_ place: Int) -> Float {
        let (rank, columns) = (lowRank.rank, lowRank.columns)
        guard place < rank * columns else { return left[place - rank * columns] }
        return right[Matrices.tiledPlace(row: place / columns, column: place % columns, rank: rank)]
    }

    /// Puts the prediction for a base's piece into `predicted`. Bytes that are not a whole element are not there.
    func predict(piece index: Int, _ base: Span<UInt8>, pieceSize: Int, into predicted: inout MutableSpan<UInt8>) {
        Matrices.predict(
            base, lowRank.layout, from: index * (pieceSize / lowRank.layout.width), left, right,
            columns: lowRank.columns, rank: lowRank.rank, into: &predicted)
    }

    /// Encodes the factors, and decodes them again like any piece; hands on their frames piece by piece.
    package func encode(
        with coder: Coder, _ stored: Chunk, _ take: (Span<UInt8>) throws(CakeError) -> Void
    ) throws(CakeError) -> [SeekTable.Frame] {
        let encoding = Encoding(Factors.form, all: .literals)
        let pieceSize = 1 << Int(ObjectHeader.standardPieceBits)
        let piece = Chunk(capacity: pieceSize)
        var (frames, place) = ([SeekTable.Frame](), 0)
        for size in lowRank.sizes(pieceSize: pieceSize) {
            piece.fill(size) { room in
                for offset in stride(from: 0, to: size, by: 4) {
                    let bits = number(place).bitPattern
                    for byte in 0..<4 { room[offset + byte] = UInt8(truncatingIfNeeded: bits >> UInt32(8 * byte)) }
                    place += 1
                }
            }
            frames += try piece.withBytes { bytes throws(CakeError) in
                try coder.encode(bytes, encoding, into: stored)
            }
            try stored.withBytes(take)
        }
        return frames
    }
}

extension Factors {
    /// How many bytes the factors take.
    func stored(with coder: Coder, _ stored: Chunk) throws(CakeError) -> Int {
        var total = 0
        let frames = try encode(with: coder, stored) { total += $0.count }
        return total + frames.count * SeekTable.entryLength
    }
}

/// The addend to a base's piece before a piece is compared with it.
package struct Addend {
    let factors: Factors
    let index: Int
    let pieceSize: Int

    package init(_ factors: Factors, piece index: Int, pieceSize: Int = 1 << Int(ObjectHeader.standardPieceBits)) {
        self.factors = factors
        self.index = index
        self.pieceSize = pieceSize
    }

    /// Whether a piece of so many bytes fits in the matrix.
    func fits(_ count: Int) -> Bool {
        let (lowRank, before) = (factors.lowRank, index.multipliedReportingOverflow(by: pieceSize))
        let whole = lowRank.rows * lowRank.columns * lowRank.layout.width
        return !before.overflow && count % lowRank.layout.width == 0 && (0...whole).contains(before.partialValue)
            && count <= whole - before.partialValue
    }

    func predict(_ base: Span<UInt8>, into predicted: inout MutableSpan<UInt8>) {
        factors.predict(piece: index, base, pieceSize: pieceSize, into: &predicted)
    }
}
