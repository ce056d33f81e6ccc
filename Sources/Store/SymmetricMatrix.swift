/// A small symmetric matrix, and what linear algebra asks of it. The same on every machine: Swift fuses nothing.
struct SymmetricMatrix {
    let size: Int
    private var numbers: [Double]

    init(size: Int, _ number: (Int, Int) -> Double) {
        self.size = size
        numbers = []
        for row in 0..<size { for column in 0..<size { numbers.append(number(row, column)) } }
    }

    private(set) subscript(row: Int, column: Int) -> Double {
        get { numbers[row * size + column] }
        set { numbers[row * size + column] = newValue }
    }

    /// The columns, row by row, that make columns with these products orthonormal; those that add nothing become zero.
    func orthonormalizing() -> [Double] {
        var (lower, inverse) = (self, SymmetricMatrix(size: size) { _, _ in 0 })
        for column in 0..<size {
            var pivot = self[column, column]
            for index in 0..<column { pivot -= lower[column, index] * lower[column, index] }
            let isNew = pivot > self[column, column] * 1e-13 && pivot > 1e-60
            lower[column, column] = isNew ? pivot.squareRoot() : 0
            for row in column + 1..<max(size, column + 1) {
                var sum = self[row, column]
                for index in 0..<column { sum -= lower[row, index] * lower[column, index] }
                lower[row, column] = isNew ? sum / lower[column, column] : 0
            }
        }
        // The inverse of the lower triangle, transposed.
        for column in 0..<size where lower[column, column] > 0 {
            inverse[column, column] = 1 / lower[column, column]
            for row in column + 1..<max(size, column + 1) where lower[row, row] > 0 {
                var sum = 0.0
                for index in column..<row { sum -= lower[row, index] * inverse[column, index] }
                inverse[column, row] = sum / lower[row, row]
            }
        }
        return inverse.numbers
    }

    /// Of one whose columns are independent.
    func inverse() -> SymmetricMatrix {
        let half = orthonormalizing()
        return SymmetricMatrix(size: size) { row, column in
            (0..<size).reduce(0) { $0 + half[row * size + $1] * half[column * size + $1] }
        }
    }

    /// Eigenvalues, the largest first, and the vectors as columns, row by row: by Jacobi's rotations.
    func eigen() -> (values: [Double], vectors: [Double]) {
        var turned = self
        var vectors = SymmetricMatrix(size: size) { $0 == $1 ? 1 : 0 }
        let whole = numbers.reduce(0) { $0 + $1 * $1 }
        for _ in 0..<SymmetricMatrix.mostSweeps {
            var outside = 0.0
            for row in 0..<size { for column in 0..<row { outside += turned[row, column] * turned[row, column] } }
            guard outside > whole * 1e-30 else { break }
            for row in 0..<size { for column in 0..<row { turned.rotate(column, row, &vectors) } }
        }
        let order = (0..<size).sorted { (-turned[$0, $0], $0) < (-turned[$1, $1], $1) }
        var columns: [Double] = []
        for row in 0..<size { for column in order { columns.append(vectors[row, column]) } }
        return (order.map { max(0, turned[$0, $0]) }, columns)
    }

    private static let mostSweeps = 12

    /// Makes the element at two places zero.
    private mutating func rotate(_ one: Int, _ other: Int, _ vectors: inout SymmetricMatrix) {
        let element = self[one, other]
        guard element != 0 else { return }
        let ratio = (self[other, other] - self[one, one]) / (2 * element)
        let tangent = (ratio < 0 ? -1 : 1) / (ratio.magnitude + (1 + ratio * ratio).squareRoot())
        let cosine = 1 / (1 + tangent * tangent).squareRoot()
        let sine = tangent * cosine
        for index in 0..<size {
            let (left, right) = (self[index, one], self[index, other])
            self[index, one] = cosine * left - sine * right
            self[index, other] = sine * left + cosine * right
        }
        for index in 0..<size {
            let (left, right) = (self[one, index], self[other, index])
            self[one, index] = cosine * left - sine * right
            self[other, index] = sine * left + cosine * right
            let (first, second) = (vectors[index, one], vectors[index, other])
            vectors[index, one] = cosine * first - sine * second
            vectors[index, other] = sine * first + cosine * second
        }
    }
}
