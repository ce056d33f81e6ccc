import Model
import Platform
import Support
import Testing

@testable import Codec
@testable import Store

@Suite struct `A layer beside a base` {
    /// Writes bytes as a layer, offered a base.
    static func ingest(
        _ bytes: [UInt8], _ dtype: DType, base: Layer?, _ bench: Bench, _ operation: Operation
    ) async throws -> Layer {
        let file = try File(bench.scratch["plain-\(UInt64.random(in: 0 ... .max))"], .create)
        try file.write(bytes.span, at: 0)
        let plain = PlainBytes(file: file, start: 0, count: UInt64(bytes.count))
        let reading = try operation.store.read(plain)
        _ = try operation.claim([reading.layer])
        try await operation.store.ingest(
            plain, reading, kind: .init(dtype, []), bases: base.map { [$0] } ?? [], in: operation
        ) {
            _ in
        }
        try operation.publish()
        return reading.layer
    }

    @Test func `is a delta where that is smaller, and reads as what it was`() async throws {
        try await onPool {
            let (base, plain) = Training.noise.pair(1_300_000, .bf16, seed: 8)
            let bench = try Bench()
            let operation = try Operation(bench.shelf.store)
            let first = try await Self.ingest(base, .bf16, base: nil, bench, operation)
            let second = try await Self.ingest(plain, .bf16, base: first, bench, operation)
            let other = try await Self.ingest(seededBytes(2 << 20, seed: 1), .bf16, base: nil, bench, operation)
            let unlike = try await Self.ingest(
                seededBytes(base.count, seed: 2), .bf16, base: first, bench, operation)
            let store = try bench.other().store
            let object = try store.open(second)
            #expect(object.header.base == first.digest && object.header.transform == .grouped)
            #expect(object.length < (try store.open(first).length) / 2)
            #expect(store.catalog.record(of: second.digest)?.base == first.digest)
            #expect(try LayerReader(store).bytes(of: second, limit: 1 << 30) == plain)
            #expect(try store.open(unlike).header.base == nil)
            #expect(try await store.verify([first, second, other, unlike]) { _ in }.isEmpty)
            // A base is never a delta: one that is offered stands for its own base.
            let nudged = plain.indices.map { $0 % 20 == 0 ? plain[$0] ^ 1 : plain[$0] }
            let third = try await Self.ingest(nudged, .bf16, base: second, bench, operation)
            #expect(try store.open(third).header.base == first.digest)
        }
    }

    @Test func `is a delta in a pack, too`() async throws {
        try await onPool {
            let bench = try Bench()
            let operation = try Operation(bench.shelf.store)
            let (base, plain) = Training.noise.pair(20_000, .bf16, seed: 8)
            let first = try bench.stage([base], dtype: .bf16, in: operation)
            try operation.publish()
            let second = try bench.stage(
                [plain, seededBytes(base.count, seed: 4), base], dtype: .bf16, base: first[0], in: operation)
            try operation.publish()
            for store in [bench.shelf.store, try bench.other().store] {
                #expect(try store.open(second[0]).header.base == first[0].digest)
                #expect(try store.open(second[1]).header.base == nil)
                #expect(second[2] == first[0])
                #expect(try LayerReader(store).bytes(of: second[0], limit: 1 << 30) == plain)
                #expect(store.catalog.record(of: second[0].digest)?.base == first[0].digest)
            }
            // By the walk, which knows nothing but the frames.
            for name in try bench.shelf.entries("index-2") { try Bend.remove(bench.root + "/index-2/" + name) }
            let walked = try bench.other().store
            #expect(walked.catalog.record(of: second[0].digest)?.base == first[0].digest)
            #expect(try await walked.verify(first + second) { _ in }.isEmpty)
        }
    }

    @Test func `asks the machine for little more when there are many in a pack`() async throws {
        try await onPool {
            let bench = try Bench()
            func calls(for count: Int) throws -> Int {
                let pairs = (0..<count).map {
                    Training.noise.pair(600, .bf16, seed: UInt64(1000 * count + $0))
                }
                let setup = try Operation(bench.shelf.store)
                let bases = try bench.stage(pairs.map(\.base), dtype: .bf16, in: setup)
                try setup.publish()
                let operation = try Operation(bench.shelf.store)
                let plan = FaultPlan.recorder()
                let deltas = try FaultPlan.$current.withValue(plan) {
                    try bench.stage(pairs.map(\.plain), dtype: .bf16, bases: bases.map { [$0] }, in: operation)
                }
                #expect(zip(deltas, bases).allSatisfy { operation.base(ofPending: $0) == $1.digest })
                return plan.calls
            }
            let (few, many) = (try calls(for: 2), try calls(for: 66))
            // Looking each and its base up, reading the base, and writing it down: no locks, no leases.
            #expect(many - few <= 64 * 12, "\(few) calls for 2, \(many) for 66")
        }
    }

    @Test func `takes the next best base where the best is to become a delta itself`() async throws {
        try await onPool {
            let bench = try Bench()
            let operation = try Operation(bench.shelf.store)
            let (far, near) = Training.noise.pair(20_000, .bf16, seed: 8)
            let plain = near.indices.map { $0 % 50 == 0 ? near[$0] ^ 1 : near[$0] }
            let bases = try bench.stage([far, near], dtype: .bf16, in: operation)
            try operation.publish()
            for isFree in [false, true] {
                let other = try Operation(bench.other().store)
                if !isFree { #expect(try other.mayBecomeDelta(bases[1])) }
                let layer = try bench.stage([plain], dtype: .bf16, bases: [bases], in: other)[0]
                #expect(other.base(ofPending: layer) == bases[isFree ? 1 : 0].digest)
            }
        }
    }

    @Test func `is refused when its base is gone or a delta`() async throws {
        try await onPool {
            let (base, plain) = Training.noise.pair(1_000_000, .f32, seed: 8)
            let bench = try Bench()
            let operation = try Operation(bench.shelf.store)
            let first = try await Self.ingest(base, .f32, base: nil, bench, operation)
            let second = try await Self.ingest(plain, .f32, base: first, bench, operation)
            let path = bench.shelf.object(first.digest)
            let kept = bench.scratch["kept"]
            try Bend.copy(path, to: kept)
            try Bend.remove(path)
            #expect(throws: CakeError.self) {
                try LayerReader(bench.other().store).bytes(of: second, limit: 1 << 30)
            }
            // The base's place is taken by an object that says of itself that it is a delta.
            try Bend.copy(kept, to: path)
            let header = ObjectHeader(layer: first, form: .xor(width: 4), base: second.digest).encoded
            let old = try bench.other().store.open(first).header
            let table = try #require(SeekTable.length(for: old))
            try Bend.edit(path) { bytes in
                var length: [UInt8] = []
                length.append(littleEndian: UInt32(header.count))
                bytes.replaceSubrange(bytes.count - table + 8..<bytes.count - table + 12, with: length)
                bytes.replaceSubrange(0..<old.encoded.count, with: header)
            }
            let failure = #expect(throws: CakeError.self) {
                try LayerReader(bench.other().store).bytes(of: second, limit: 1 << 30)
            }
            #expect(
                failure?.kind == .damaged && failure?.what.contains("is a delta, and cannot be a base") == true,
                "\(failure?.what ?? "")")
        }
    }
}
