import Model
import Platform
import Support
import Testing

@testable import Codec
@testable import Store

@Suite struct `A merged adapter in a store` {
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
        let (base, plain) = adapterPair(rows, columns, rank: rank, dtype, seed: 5)
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
                for name in try bench.shelf.entries("index-2") { try Bend.remove(bench.root + "/index-2/" + name) }
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
}
