import Model
import Platform
import Support
import Testing

@testable import Codec

@Suite struct `A merged adapter` {
    static func factors(_ lowRank: LowRank, seed: UInt64) throws -> Factors {
        try #require(Factors(lowRank, seededWeights(lowRank.count, seed: seed)))
    }

    static func kind(_ dtype: DType, _ rows: Int, _ columns: Int) -> Tensor.Kind {
        Tensor.Kind(dtype, [UInt64(rows), UInt64(columns)])
    }

    @Test(arguments: [DType.f32, .bf16, .f16])
    func `comes back in every bit, whatever the factors are`(dtype: DType) throws {
        let seed = SeededNumbers.freshSeed()
        let layout = try #require(Matrix(Self.kind(dtype, 64, 64), size: UInt64(4096 * dtype.bits / 8))).layout
        for training in Training.allCases {
            for (rows, columns) in [(1, 1), (3, 7), (130, 65), (40, 1001)] {
                let (base, plain) = training.pair(rows * columns, dtype, seed: seed)
                for rank in [1, 8, 64] {
                    let lowRank = try #require(
                        LowRank(layout, rank: rank, columns: columns, size: UInt64(plain.count)))
                    let encoding = Encoding(try Self.factors(lowRank, seed: seed))
                    let stored = Chunk(capacity: Coder.storedCapacity)
                    // What does not come back is refused by the encoder itself.
                    let frames = try Coder().encode(
                        plain.span, encoding, base: Chunk(copying: base.span), adding: encoding.addend(piece: 0),
                        into: stored)
                    #expect(frames.count == 2, "seed \(seed)")
                }
            }
        }
    }

    @Test func `is not seen where there is none`() throws {
        let (rows, columns) = (400, 300)
        for dtype in [DType.f32, .bf16] {
            for training in [Training.noise, .all, .random, .special, .none, .one] {
                let (base, plain) = training.pair(rows * columns, dtype, seed: 3)
                let encoding = try Encoding.choose(
                    for: plain.span, Self.kind(dtype, rows, columns), base: Chunk(copying: base.span), coder: Coder(),
                    stored: Chunk(capacity: Coder.storedCapacity))
                #expect(encoding.factors == nil, "\(training)")
            }
            let (base, plain) = adapterPair(rows, columns, rank: 4, dtype, seed: 3)
            for shape: [UInt64] in [[], [120_000], [1, 120_000], [120_000, 1], [400, 30, 11]] {
                let encoding = try Encoding.choose(
                    for: plain.span, Tensor.Kind(dtype, shape), base: Chunk(copying: base.span), coder: Coder(),
                    stored: Chunk(capacity: Coder.storedCapacity))
                #expect(encoding.factors == nil, "\(shape)")
            }
        }
    }

    @Test func `with factors that are no numbers, or of another shape, is refused`() throws {
        let size: UInt64 = 400 * 300 * 4
        let lowRank = try #require(LowRank(.f32, rank: 2, columns: 300, size: size))
        for odd in [Float.nan, .infinity, -.infinity, .signalingNaN] {
            for place in [0, 2 * 300, 2 * 700 - 1] {
                var numbers = seededWeights(lowRank.count, seed: 1)
                numbers[place] = odd
                #expect(Factors(lowRank, numbers) == nil)
            }
        }
        #expect(Factors(lowRank, seededWeights(lowRank.count - 1, seed: 1)) == nil)
        let encoding = Encoding(try Self.factors(lowRank, seed: 1))
        let piece = Chunk(capacity: 4000)
        piece.fill(4000) { $0.update(repeating: 7) }
        func encode(_ encoding: Encoding, _ addend: Addend?) throws {
            try piece.withBytes { bytes in
                _ = try Coder().encode(
                    bytes, encoding, base: piece, adding: addend, into: Chunk(capacity: Coder.storedCapacity))
            }
        }
        try encode(encoding, encoding.addend(piece: 0))
        let other = try #require(LowRank(.f32, rank: 3, columns: 300, size: size))
        #expect(throws: CakeError.self) { try encode(encoding, nil) }
        #expect(throws: CakeError.self) {
            try encode(Encoding(Self.factors(other, seed: 1)), encoding.addend(piece: 0))
        }
        #expect(throws: CakeError.self) { try encode(encoding, encoding.addend(piece: 1)) }
        #expect(throws: CakeError.self) { try encode(encoding, encoding.addend(piece: .max / 2)) }
    }

    @Test func `that says impossible things of its factors is refused before they are read`() {
        func form(_ parameters: [UInt8], size: UInt64 = 400 * 300 * 4, base: Digest? = .empty, frames: UInt8 = 2)
            -> Form?
        {
            let layer = Layer(digest: SHA256.digest(of: [1].span), size: size)
            return Form(
                ObjectHeader(
                    layer: layer, transform: .lowRank, framesPerPiece: frames, base: base, parameters: parameters))
        }
        let good: [UInt8] = [4, 23, 8, 44, 1, 0, 0]
        #expect(form(good)?.parameters == good)
        #expect(form(good, base: nil) == nil && form(good, frames: 4) == nil)
        #expect(form(good, size: 400 * 300 * 4 + 4) == nil && form(good, size: 0) == nil)
        for parameters: [UInt8] in [
            [], [4, 23], good + [0], Array(good.dropLast()), [4, 10, 8, 44, 1, 0, 0], [8, 23, 8, 44, 1, 0, 0],
            [4, 23, 0, 44, 1, 0, 0], [4, 23, 65, 44, 1, 0, 0], [4, 23, 8, 0, 0, 0, 0], [4, 23, 8, 255, 255, 255, 255],
        ] {
            #expect(form(parameters) == nil, "\(parameters)")
        }
        // A matrix of one column, whose left factor would be as large as itself.
        #expect(form([4, 23, 8, 1, 0, 0, 0], size: 1 << 40) == nil)
    }
}
