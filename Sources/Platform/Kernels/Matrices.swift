internal import CKernels

/// Sums of products of floats, in a fixed order. Each product is exact in a double: every processor gets the same sums.
/// Doubles here still hold values of floats.
public enum Matrices {
    /// A matrix whose columns are in blocks of eight, for sums that run down its rows.
    public struct Blocks: Sendable {
        public let rows: Int
        /// A multiple of eight.
        public let width: Int
        fileprivate var numbers: [Double]

        public init(rows: Int, width: Int) {
            precondition(rows >= 0 && width > 0 && width % 8 == 0)
            self.rows = rows
            self.width = width
            numbers = [Double](repeating: 0, count: rows * width)
        }

        /// From rows one after the other.
        public init(_ floats: [Float], width: Int) {
            self.init(rows: floats.count / width, width: width)
            for row in 0..<rows {
                for column in 0..<width { self[row, column] = Double(floats[row * width + column]) }
            }
        }

        public subscript(row: Int, column: Int) -> Double {
            get { numbers[column / 8 * stride + row * 8 + column % 8] }
            set { numbers[column / 8 * stride + row * 8 + column % 8] = newValue }
        }

        /// The numbers row by row, as floats.
        public var floats: [Float] {
            var floats: [Float] = []
            floats.reserveCapacity(rows * width)
            for row in 0..<rows { for column in 0..<width { floats.append(Float(self[row, column])) } }
            return floats
        }

        fileprivate var stride: Int { 8 * rows }
    }

    /// The differences of elements from the base's; 0 for NaN.
    public static func subtract(
        _ base: Span<UInt8>, from plain: Span<UInt8>, _ layout: FloatLayout, into differences: inout MutableSpan<Float>,
        with set: InstructionSet = .best
    ) {
        precondition(plain.count == base.count && differences.count == plain.count / layout.width)
        unsafe plain.withUnsafeBufferPointer { plain in
            unsafe base.withUnsafeBufferPointer { base in
                unsafe differences.withUnsafeMutableBufferPointer { room in
                    guard let plain = plain.baseAddress, let base = base.baseAddress, let start = room.baseAddress
                    else { return }
                    unsafe cake_subtract(set.rawValue, plain, base, room.count, Int32(layout.fraction), start)
                }
            }
        }
    }

    /// The sum of squares.
    public static func energy(_ matrix: Span<Float>, with set: InstructionSet = .best) -> Double {
        unsafe matrix.withUnsafeBufferPointer { matrix in
            guard let start = matrix.baseAddress else { return 0 }
            return unsafe cake_energy(set.rawValue, start, matrix.count)
        }
    }

    /// Adds the product of some rows of `left` and the rows of `right` that belong to their columns to rows of `sums`.
    public static func add(
        _ matrix: Span<Float>, columns: Int, times right: Blocks, from first: Int, to sums: inout [Double],
        from row: Int, with set: InstructionSet = .best
    ) {
        let rows = checked(matrix, columns, right, first)
        precondition(row >= 0 && (row + rows) * right.width <= sums.count)
        guard rows > 0 else { return }
        unsafe matrix.withUnsafeBufferPointer { matrix in
            unsafe right.numbers.withUnsafeBufferPointer { numbers in
                unsafe sums.withUnsafeMutableBufferPointer { sums in
                    guard let matrix = matrix.baseAddress, let numbers = numbers.baseAddress,
                        let sums = sums.baseAddress
                    else { return }
                    unsafe cake_times(
                        set.rawValue, matrix, rows, columns, numbers + 8 * first, right.stride, right.width,
                        sums + row * right.width)
                }
            }
        }
    }

    /// Adds the product of some transposed rows and rows of `left` to the rows of `sums` that belong to their columns.
    public static func add(
        _ matrix: Span<Float>, columns: Int, transposedTimes left: [Double], from row: Int, to sums: inout Blocks,
        from first: Int, with set: InstructionSet = .best
    ) {
        let (rows, width, stride) = (checked(matrix, columns, sums, first), sums.width, sums.stride)
        precondition(row >= 0 && (row + rows) * width <= left.count)
        guard rows > 0 else { return }
        unsafe matrix.withUnsafeBufferPointer { matrix in
            unsafe left.withUnsafeBufferPointer { left in
                unsafe sums.numbers.withUnsafeMutableBufferPointer { sums in
                    guard let matrix = matrix.baseAddress, let left = left.baseAddress, let sums = sums.baseAddress
                    else { return }
                    unsafe cake_transposed_times(
                        set.rawValue, matrix, rows, columns, left + row * width, width, sums + 8 * first, stride)
                }
            }
        }
    }

    /// The products of each two columns of a matrix whose rows have a multiple of eight numbers.
    public static func products(_ floats: [Float], columns: Int) -> Blocks {
        var products = Blocks(rows: columns, width: columns)
        add(floats.span, columns: columns, transposedTimes: floats.map { Double($0) }, from: 0, to: &products, from: 0)
        return products
    }

    /// How many rows that are.
    private static func checked(_ matrix: Span<Float>, _ columns: Int, _ blocks: Blocks, _ first: Int) -> Int {
        precondition(columns > 0 && matrix.count % columns == 0 && first >= 0 && first + columns <= blocks.rows)
        return matrix.count / columns
    }
}

extension Matrices {
    /// Columns of a product's right side that are stored together when it is added to a base.
    public static let tile = 32

    public static func tiledCount(columns: Int, rank: Int) -> Int { (columns + tile - 1) / tile * tile * rank }

    public static func tiledPlace(row: Int, column: Int, rank: Int) -> Int {
        (column / tile * rank + row) * tile + column % tile
    }

    /// Puts the base plus the product into `predicted`. `left` has `rank` numbers for each row, `right` is in tiles,
    /// and all are finite. The first element is the one with so many before it.
    public static func predict(
        _ base: Span<UInt8>, _ layout: FloatLayout, from element: Int, _ left: [Float], _ right: [Float],
        columns: Int, rank: Int, into predicted: inout MutableSpan<UInt8>, with set: InstructionSet = .best
    ) {
        let elements = base.count / layout.width
        precondition(base.count == elements * layout.width && predicted.count == base.count && element >= 0)
        guard elements > 0 else { return }
        precondition((1...Int(CAKE_RANK)).contains(rank) && columns > 0)
        precondition(right.count == tiledCount(columns: columns, rank: rank))
        precondition((element + elements - 1) / columns < left.count / rank)
        unsafe withPointers(base, base, &predicted) { base, _, predicted in
            unsafe left.withUnsafeBufferPointer { left in
                unsafe right.withUnsafeBufferPointer { right in
                    guard let left = left.baseAddress, let right = right.baseAddress else { return }
                    var done = 0
                    while done < elements {
                        let (row, column) = (element + done).quotientAndRemainder(dividingBy: columns)
                        let offset = done * layout.width
                        let rows = column == 0 ? (elements - done) / columns : 0
                        if rows > 0 {
                            unsafe cake_predict_rows(
                                set.rawValue, base + offset, rows, columns, Int32(layout.fraction), left + row * rank,
                                rank, right, predicted + offset)
                            done += rows * columns
                            continue
                        }
                        let count = min(columns - column, elements - done)
                        unsafe cake_predict(
                            set.rawValue, base + offset, count, Int32(layout.fraction), left + row * rank, rank, right,
                            column, predicted + offset)
                        done += count
                    }
                }
            }
        }
    }
}
