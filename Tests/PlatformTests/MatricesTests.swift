import Model
import Platform
import Support
import Testing

@Suite struct `Products of matrices` {
    /// What the page of formats says of one element, in Swift's own numbers.
    static func prediction(_ base: [UInt8], _ sum: Double, _ layout: FloatLayout) -> [UInt8] {
        var bits: UInt32 = 0
        for (index, byte) in base.enumerated() { bits |= UInt32(byte) << UInt32(8 * index) }
        switch layout {
        case .f32:
            let value = Float(bitPattern: bits)
            return value.isFinite ? bytes(of: [Float(Double(value) + sum).bitPattern]) : base
        case .bf16:
            let value = Float(bitPattern: bits << 16)
            let found = Float(Double(value) + sum).bitPattern
            return value.isFinite ? bytes(of: [UInt16((found + 0x7fff + (found >> 16 & 1)) >> 16)]) : base
        default:
            let value = Float16(bitPattern: UInt16(bits))
            return value.isFinite ? bytes(of: [Float16(Float(Double(value) + sum)).bitPattern]) : base
        }
    }

    /// Of all sizes, from next to nothing to far too large.
    static func factors(_ count: Int, _ numbers: inout SeededNumbers) -> [Float] {
        (0..<count).map { _ in
            let value = Float(Int64(bitPattern: numbers.next()) >> 32) * 0x1p-31
            return numbers.next() % 8 == 0
                ? value * Float(sign: .plus, exponent: Int(numbers.next() % 160) - 100, significand: 1) : value
        }
    }

    @Test(arguments: FloatLayout.all, [1, 2, 7, 64])
    func `predict just what the page of formats says, with every instruction set and from any place`(
        layout: FloatLayout, rank: Int
    ) {
        let seed = SeededNumbers.freshSeed()
        var numbers = SeededNumbers(seed: seed)
        for (rows, columns) in [(1, 1), (3, 5), (2, 32), (5, 33), (3, 100), (18, 33)] {
            let count = rows * columns
            var base = seededBytes(count * layout.width, seed: numbers.next())
            // Some as weights are.
            for index in stride(from: 0, to: count, by: 2) {
                base[index * layout.width + layout.width - 1] = UInt8(0x3c + index % 4)
            }
            let (left, rows) = (Self.factors(rows * rank, &numbers), rows)
            let right = Self.factors(columns * rank, &numbers)
            var tiled = [Float](repeating: 0, count: Matrices.tiledCount(columns: columns, rank: rank))
            for k in 0..<rank {
                for column in 0..<columns {
                    tiled[Matrices.tiledPlace(row: k, column: column, rank: rank)] = right[k * columns + column]
                }
            }
            let expected = (0..<count).flatMap { place in
                var sum = 0.0
                for k in 0..<rank {
                    sum += Double(left[place / columns * rank + k]) * Double(right[k * columns + place % columns])
                }
                let start = place * layout.width
                return Self.prediction(Array(base[start..<start + layout.width]), sum, layout)
            }
            for set in InstructionSet.available {
                for first in [0, 1, columns / 2, count - 1] {
                    let bytes = base[(first * layout.width)...]
                    let found = `Kernels for deltas`.filled(bytes.count) {
                        Matrices.predict(
                            Array(bytes).span, layout, from: first, left, tiled, columns: columns, rank: rank,
                            into: &$0,
                            with: set)
                    }
                    #expect(
                        found == Array(expected[(first * layout.width)...]),
                        "seed \(seed), \(rows) x \(columns), from \(first), \(set)")
                }
            }
        }
    }

    @Test(arguments: FloatLayout.all)
    func `take the base's elements away, and say nothing of what is no number`(layout: FloatLayout) {
        let seed = SeededNumbers.freshSeed()
        let (plain, base) = (seededBytes(4000, seed: seed), seededBytes(4000, seed: seed + 1))
        var results: [[Float]] = []
        for set in InstructionSet.available {
            var found = [Float](repeating: .nan, count: 4000 / layout.width)
            var room = found.mutableSpan
            Matrices.subtract(base.span, from: plain.span, layout, into: &room, with: set)
            #expect(found.allSatisfy { $0.isFinite }, "seed \(seed)")
            results.append(found)
        }
        #expect(results.allSatisfy { $0 == results[0] }, "seed \(seed)")
        func value(_ bytes: [UInt8], _ index: Int) -> Float {
            let at = index * layout.width
            let low = UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8
            switch layout {
            case .bf16: return Float(bitPattern: UInt32(low) << 16)
            case .f16: return Float(Float16(bitPattern: low))
            default: return Float(bitPattern: UInt32(low) | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24)
            }
        }
        for index in results[0].indices {
            let difference = value(plain, index) - value(base, index)
            #expect(results[0][index] == (difference.isFinite ? difference : 0), "seed \(seed), element \(index)")
        }
    }

    @Test func `add up in the same order with every instruction set`() {
        let seed = SeededNumbers.freshSeed()
        var numbers = SeededNumbers(seed: seed)
        for (rows, columns) in [(1, 1), (4, 8), (7, 13), (131, 50)] {
            let matrix = Self.factors(rows * columns, &numbers)
            let right = Matrices.Blocks(Self.factors((columns + 3) * 16, &numbers), width: 16)
            let left = Self.factors((rows + 2) * 16, &numbers).map { Double($0) }
            var products: [[Double]] = []
            var transposed: [[Float]] = []
            for set in InstructionSet.available {
                var sums = [Double](repeating: 1, count: (rows + 2) * 16)
                Matrices.add(matrix.span, columns: columns, times: right, from: 3, to: &sums, from: 2, with: set)
                products.append(sums)
                var blocks = Matrices.Blocks(rows: columns + 3, width: 16)
                Matrices.add(
                    matrix.span, columns: columns, transposedTimes: left, from: 2, to: &blocks, from: 3, with: set)
                transposed.append(blocks.floats)
            }
            #expect(products.allSatisfy { $0 == products[0] } && transposed.allSatisfy { $0 == transposed[0] })
            for row in 0..<rows {
                var sum = 0.0
                for column in 0..<columns { sum += Double(matrix[row * columns + column]) * right[column + 3, 5] }
                #expect(products[0][(row + 2) * 16 + 5] == 1 + sum, "seed \(seed), row \(row)")
            }
            #expect(products[0][..<32].allSatisfy { $0 == 1 })
            for column in 0..<columns {
                let sum = (0..<rows).reduce(0) { $0 + Double(matrix[$1 * columns + column]) * left[($1 + 2) * 16 + 9] }
                let found = Double(transposed[0][(column + 3) * 16 + 9])
                #expect((found - sum).magnitude <= 1e-6 * max(1e-30, sum.magnitude), "seed \(seed), column \(column)")
            }
        }
    }
}
