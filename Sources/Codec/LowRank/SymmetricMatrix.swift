/// A small symmetric matrix with linear algebra. The same on every machine: Swift fuses nothing.
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

    /// Eigenvalues, the largest first: reflections leave three diagonals, and rotations remove the outer two.
    func eigenvalues() -> [Double] {
        var (reflected, next) = (self, [Double](repeating: 0, count: size))
        for column in 0..<max(0, size - 2) { next[column] = reflected.reflect(column) }
        if size > 1 { next[size - 2] = reflected[size - 1, size - 2] }
        var diagonal = (0..<size).map { reflected[$0, $0] }
        for first in 0..<size {
            for _ in 0..<SymmetricMatrix.mostTurns {
                // Where the three diagonals fall apart.
                let last =
                    (first..<size - 1).first { index in
                        let sum = diagonal[index].magnitude + diagonal[index + 1].magnitude
                        return next[index].magnitude <= 1e-15 * sum
                    } ?? size - 1
                guard last > first else { break }
                SymmetricMatrix.turn(&diagonal, &next, first, last)
            }
        }
        return diagonal.map { max(0, $0) }.sorted(by: >)
    }

    private static let mostTurns = 40

    /// Makes a column zero below its second place; returns the value next to the diagonal.
    private mutating func reflect(_ column: Int) -> Double {
        let below = column + 1
        var square = 0.0
        for row in below..<size { square += self[row, column] * self[row, column] }
        let length = self[below, column] > 0 ? -square.squareRoot() : square.squareRoot()
        var mirror = (0..<size).map { $0 < below ? 0 : self[$0, column] }
        mirror[below] -= length
        let norm = square - self[below, column] * length
        guard norm > 0 else { return length }
        var image = [Double](repeating: 0, count: size)
        var product = 0.0
        for row in below..<size {
            var sum = 0.0
            for index in below..<size { sum += numbers[row * size + index] * mirror[index] }
            image[row] = sum / norm
            product += image[row] * mirror[row]
        }
        for row in below..<size { image[row] -= product / (2 * norm) * mirror[row] }
        for row in below..<size {
            let (one, other) = (mirror[row], image[row])
            for index in below..<size { numbers[row * size + index] -= one * image[index] + other * mirror[index] }
        }
        return length
    }

    /// One turn of the QL method with an implicit shift, from one diagonal element to another.
    private static func turn(_ diagonal: inout [Double], _ next: inout [Double], _ first: Int, _ last: Int) {
        let ratio = (diagonal[first + 1] - diagonal[first]) / (2 * next[first])
        let root = (ratio * ratio + 1).squareRoot()
        var shifted = diagonal[last] - diagonal[first] + next[first] / (ratio + (ratio < 0 ? -root : root))
        var (sine, cosine, moved) = (1.0, 1.0, 0.0)
        for index in (first..<last).reversed() {
            let (upper, lower) = (sine * next[index], cosine * next[index])
            let length = (upper * upper + shifted * shifted).squareRoot()
            next[index + 1] = length
            guard length > 0 else {
                diagonal[index + 1] -= moved
                next[last] = 0
                return
            }
            sine = upper / length
            cosine = shifted / length
            let difference = diagonal[index + 1] - moved
            let sum = (diagonal[index] - difference) * sine + 2 * cosine * lower
            moved = sine * sum
            diagonal[index + 1] = difference + moved
            shifted = cosine * sum - lower
        }
        diagonal[first] -= moved
        next[first] = shifted
        next[last] = 0
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
