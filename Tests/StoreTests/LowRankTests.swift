import Model
import Platform
import Support
import Testing

@testable import Store

@Suite struct `A merged adapter` {
    /// Weights, and the same with a product of two thin matrices added.
    static func pair(
        _ rows: Int, _ columns: Int, rank: Int, _ dtype: DType, seed: UInt64, scale: Float = 1
    ) -> (base: [UInt8], plain: [UInt8]) {
        let weights = seededWeights(rows * columns, seed: seed)
        let (left, right) = (seededWeights(rows * rank, seed: seed + 1), seededWeights(rank * columns, seed: seed + 2))
        var tuned = weights
        for row in 0..<rows {
            for k in 0..<rank {
                let factor = left[row * rank + k] * scale
                for column in 0..<columns { tuned[row * columns + column] += factor * right[k * columns + column] }
            }
        }
        func bytes(_ values: [Float]) -> [UInt8] {
            switch dtype {
            case .bf16: bf16(values)
            case .f16: Support.bytes(of: values.map { Float16($0).bitPattern })
            default: f32(values)
            }
        }
        return (bytes(weights), bytes(tuned))
    }

    static func factors(_ lowRank: LowRank, seed: UInt64) throws -> Factors {
        try #require(Factors(lowRank, seededWeights(lowRank.count, seed: seed)))
    }

    static func kind(_ dtype: DType, _ rows: Int, _ columns: Int) -> Tensor.Kind {
        Tensor.Kind(dtype, [UInt64(rows), UInt64(columns)])
    }

    static func ingest(
        _ bytes: [UInt8], _ kind: Tensor.Kind, base: Layer?, _ bench: Bench, _ operation: Operation
    ) async throws -> Layer {
        let file = try File(bench.scratch["plain-\(UInt64.random(in: 0 ... .max))"], .create)
        try file.write(bytes.span, at: 0)
        let plain = PlainBytes(file: file, start: 0, count: UInt64(bytes.count))
        let offered = base.map { [$0] } ?? []
        if plain.count < LocalStore.smallLimit {
            let small = try operation.store.readSmall(
                [.init(count: bytes.count, kind: kind)], of: plain, in: operation
            ) { _ in offered }
            try small[0].pack(in: operation)
            try operation.publish()
            return small[0].layer
        }
        let reading = try operation.store.read(plain)
        defer { operation.store.release(reading) }
        _ = try operation.claim([reading.layer])
        try await operation.store.ingest(plain, reading, kind: kind, bases: offered, in: operation) { _ in }
        try operation.publish()
        return reading.layer
    }

    /// A base and what was merged into it, in a store of their own.
    static func stored(
        _ dtype: DType, _ rows: Int, _ columns: Int, rank: Int, threads: Int? = nil
    ) async throws -> (bench: Bench, base: Layer, layer: Layer, plain: [UInt8]) {
        let (base, plain) = pair(rows, columns, rank: rank, dtype, seed: 5)
        let bench = try Bench()
        let operation = try Operation(bench.shelf.store)
        let first = try await ingest(base, kind(dtype, rows, columns), base: nil, bench, operation)
        let second = try await ingest(plain, kind(dtype, rows, columns), base: first, bench, operation)
        return (bench, first, second, plain)
    }

    @Test(arguments: [DType.f32, .bf16, .f16], [1, 8, 40])
    func `is a base and two thin matrices, alone and in a pack`(dtype: DType, rank: Int) async throws {
        try await onPool {
            for (rows, columns) in [(1000, 1500), (300, 300)] {
                let (bench, base, layer, plain) = try await Self.stored(dtype, rows, columns, rank: rank)
                // So many ranks of so small a matrix would take more than they save.
                let pays = rank < 40 || rows == 1000 && dtype == .f32
                for store in [bench.shelf.store, try bench.other().store] {
                    let object = try store.open(layer)
                    #expect(!pays || object.form.transform == .lowRank, "\(rows) \(object.form)")
                    if case .lowRank(let lowRank) = object.form, rank < 40 { #expect(lowRank.rank == rank) }
                    #expect(object.header.base == base.digest)
                    let factors = rank * (rows + columns) * MemoryLayout<Float>.size
                    let most = UInt64(plain.count / (dtype == .f32 ? 6 : 8) + factors)
                    #expect(!pays || object.length < most, "\(object.length)")
                    #expect(try LayerReader(store).bytes(of: layer, limit: 1 << 30) == plain)
                }
                for name in try bench.shelf.entries("index") { try Bend.remove(bench.root + "/index/" + name) }
                let walked = try bench.other().store
                #expect(try walked.open(layer).header.base == base.digest)
                #expect(try await walked.verify([base, layer]) { _ in }.isEmpty)
            }
        }
    }

    @Test func `is read from any piece`() async throws {
        try await onPool {
            // Rows that no piece holds a whole number of.
            let (bench, _, layer, plain) = try await Self.stored(.f32, 700, 1501, rank: 4)
            let reader = LayerReader(try bench.other().store)
            for index in (0..<LayerReader.pieces(of: layer)).reversed() {
                let chunk = try reader.piece(index, of: layer)
                defer { reader.giveBack(chunk) }
                let start = index * LayerReader.pieceSize
                let expected = Array(plain[start..<min(plain.count, start + LayerReader.pieceSize)])
                let isSame = chunk.holds(expected.span)
                #expect(isSame, "piece \(index)")
            }
        }
    }

    @Test func `gives the same object however often it is made`() async throws {
        try await onPool {
            var found: [[UInt8]] = []
            for _ in 0..<2 {
                let (bench, _, layer, _) = try await Self.stored(.bf16, 700, 1501, rank: 3)
                let file = try File(bench.shelf.object(layer.digest), .read)
                found.append(try file.bytes(at: 0, count: Int(file.size())))
            }
            #expect(found[0] == found[1])
        }
    }

    @Test(arguments: [DType.f32, .bf16, .f16])
    func `comes back in every bit, whatever the factors are`(dtype: DType) throws {
        let seed = SeededNumbers.freshSeed()
        let layout = try #require(Matrix(Self.kind(dtype, 64, 64), size: UInt64(4096 * dtype.bits / 8))).layout
        for training in `A delta`.Training.allCases {
            for (rows, columns) in [(1, 1), (3, 7), (130, 65), (40, 1001)] {
                let (base, plain) = training.pair(rows * columns, dtype, seed: seed)
                for rank in [1, 8, 64] {
                    let lowRank = try #require(
                        LowRank(layout, rank: rank, columns: columns, size: UInt64(plain.count)))
                    let encoding = Encoding(try Self.factors(lowRank, seed: seed))
                    let stored = Chunk(capacity: LocalStore.storedCapacity)
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
            for training in [`A delta`.Training.noise, .all, .random, .special, .none, .one] {
                let (base, plain) = training.pair(rows * columns, dtype, seed: 3)
                let encoding = try Encoding.choose(
                    for: plain.span, Self.kind(dtype, rows, columns), base: Chunk(copying: base.span), coder: Coder(),
                    stored: Chunk(capacity: LocalStore.storedCapacity))
                #expect(encoding.factors == nil, "\(training)")
            }
            let (base, plain) = Self.pair(rows, columns, rank: 4, dtype, seed: 3)
            for shape: [UInt64] in [[], [120_000], [1, 120_000], [120_000, 1], [400, 30, 11]] {
                let encoding = try Encoding.choose(
                    for: plain.span, Tensor.Kind(dtype, shape), base: Chunk(copying: base.span), coder: Coder(),
                    stored: Chunk(capacity: LocalStore.storedCapacity))
                #expect(encoding.factors == nil, "\(shape)")
            }
        }
    }

    @Test func `whose factors are damaged gives an error`() async throws {
        try await onPool {
            let (bench, _, layer, _) = try await Self.stored(.f32, 700, 1501, rank: 4)
            let path = bench.shelf.object(layer.digest)
            let kept = bench.scratch["kept"]
            try Bend.copy(path, to: kept)
            let object = try bench.other().store.open(layer)
            let (first, last) = (object.table.offsets[0], object.table.offsets[object.header.sizesAhead.count])
            #expect(object.header.sizesAhead.reduce(0, +) == object.factorBytes && first < last)
            var numbers = SeededNumbers(seed: 4)
            for _ in 0..<30 {
                try Bend.flip(path, at: Int(first + numbers.next() % (last - first)))
                let failure = #expect(throws: CakeError.self) {
                    try LayerReader(bench.other().store).bytes(of: layer, limit: 1 << 30)
                }
                #expect(failure?.kind == .damaged)
                try Bend.remove(path)
                try Bend.copy(kept, to: path)
            }
            try Bend.flip(path, at: Int(first) + 30)
            #expect(try await bench.other().store.verify([layer]) { _ in }.map(\.layer) == [layer])
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
                    bytes, encoding, base: piece, adding: addend, into: Chunk(capacity: LocalStore.storedCapacity))
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
