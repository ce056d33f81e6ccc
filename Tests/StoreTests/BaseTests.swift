import Model
import Platform
import Support
import Testing

@testable import Codec
@testable import Store

@Suite struct `A base` {
    /// A base and a tune of it, large or small, stored and not named.
    struct Pair {
        let base: Layer
        let delta: Layer
        let plain: (base: [UInt8], delta: [UInt8])

        init(_ bench: Bench, _ operation: Operation, isLarge: Bool, seed: UInt64 = 8) async throws {
            let (one, other) = Training.noise.pair(isLarge ? 700_000 : 30_000, .bf16, seed: seed)
            plain = (one, other)
            base = try await Self.bring(plain.base, beside: nil, bench, operation)
            delta = try await Self.bring(plain.delta, beside: base, bench, operation)
        }

        static func bring(
            _ bytes: [UInt8], beside base: Layer?, _ bench: Bench, _ operation: Operation
        ) async throws -> Layer {
            guard bytes.count >= Int(LocalStore.smallLimit) else {
                let layer = try bench.stage([bytes], dtype: .bf16, base: base, in: operation)[0]
                try operation.publish()
                return layer
            }
            return try await `A layer beside a base`.ingest(bytes, .bf16, base: base, bench, operation)
        }
    }

    static func base(of layer: Layer, in bench: Bench) throws -> Digest? {
        try bench.other().store.open(layer).header.base
    }

    @Test(arguments: [true, false]) func `stays while a delta names it, though no model does`(isLarge: Bool)
        async throws
    {
        try await onPool {
            let bench = try Bench()
            var operation: Operation? = try Operation(bench.shelf.store)
            let pair = try await Pair(bench, #require(operation), isLarge: isLarge)
            #expect(try Self.base(of: pair.delta, in: bench) == pair.base.digest)
            try bench.name([pair.delta], "tune", in: #require(operation))
            try bench.name([pair.base], "base", in: #require(operation))
            operation = nil
            try bench.shelf.remove("base")
            // Also by an index that was made again, and by frames alone.
            for _ in 0..<2 {
                try bench.other().collect(grace: .seconds(86_400))
                #expect(try await bench.other().files(of: "tune") == ["0.bin": pair.plain.delta])
                for name in try bench.shelf.entries("index-2") { try Bend.remove(bench.root + "/index-2/" + name) }
            }
            try bench.other().remove("tune")
            try bench.other().collect(grace: .seconds(86_400))
            #expect(try bench.shelf.entries("objects").isEmpty && bench.shelf.entries("packs").isEmpty)
        }
    }

    @Test(arguments: [true, false]) func `stays for what is young and not named yet`(isLarge: Bool) async throws {
        try await onPool {
            let bench = try Bench()
            var operation: Operation? = try Operation(bench.shelf.store)
            let pair = try await Pair(bench, #require(operation), isLarge: isLarge)
            try bench.name([pair.base], "base", in: #require(operation))
            operation = nil
            try bench.shelf.remove("base")
            try bench.other().collect(grace: .seconds(3600))
            #expect(try LayerReader(bench.other().store).bytes(of: pair.delta, limit: 1 << 30) == pair.plain.delta)
            try bench.other().collect()
            #expect(try bench.shelf.entries("objects").isEmpty && bench.shelf.entries("packs").isEmpty)
        }
    }

    @Test(arguments: [true, false]) func `becomes no delta, even when it is brought again`(isLarge: Bool) async throws {
        try await onPool {
            let bench = try Bench()
            let operation = try Operation(bench.shelf.store)
            let pair = try await Pair(bench, operation, isLarge: isLarge)
            let nudged = pair.plain.base.indices.map { $0 % 50 == 0 ? pair.plain.base[$0] ^ 1 : pair.plain.base[$0] }
            let other = try await Pair.bring(nudged, beside: nil, bench, operation)
            #expect(try Self.base(of: other, in: bench) == nil)
            if isLarge {
                try Bend.remove(bench.shelf.object(pair.base.digest))
            } else {
                let record = try #require(bench.shelf.store.catalog.record(of: pair.base.digest))
                guard case .pack(let pack, _) = record.place else { throw CakeError(.failed, "not packed") }
                try Bend.remove(bench.root + "/packs/\(pack.hex).pack")
            }
            let shelf = try bench.other()
            #expect(try !shelf.store.contains(pair.delta))
            let again = try Operation(shelf.store)
            let back = try await Pair.bring(pair.plain.base, beside: other, bench, again)
            #expect(try back == pair.base && Self.base(of: back, in: bench) == nil)
            #expect(try bench.other().store.contains(pair.delta))
            #expect(try LayerReader(bench.other().store).bytes(of: pair.delta, limit: 1 << 30) == pair.plain.delta)
        }
    }

    /// Makes a delta of a layer that is here, and does not publish it yet.
    static func reencode(_ layer: Layer, beside base: Layer, _ operation: Operation) async throws {
        let store = operation.store
        let plain = PlainBytes(layer, in: LayerReader(store))
        let reading = try store.read(plain)
        try await store.ingest(plain, reading, kind: .init(.bf16, []), bases: [base], in: operation) { _ in }
    }

    @Test func `is what a command took it for, whatever another does to it meanwhile`() async throws {
        try await onPool {
            let bench = try Bench()
            let plain = Training.noise.pair(700_000, .bf16, seed: 8)
            let setup = try Operation(bench.shelf.store)
            let one = try await Pair.bring(plain.base, beside: nil, bench, setup)
            let other = try await Pair.bring(plain.plain, beside: nil, bench, setup)
            // Each wants the other one as its base.
            let operations = [try Operation(bench.other().store), try Operation(bench.other().store)]
            try await Self.reencode(one, beside: other, operations[0])
            try await Self.reencode(other, beside: one, operations[1])
            for operation in operations { _ = try operation.publishAll(isReplacing: true) }
            #expect(try Self.base(of: one, in: bench) == nil && Self.base(of: other, in: bench) == nil)
            // Alone it goes.
            let last = try Operation(bench.other().store)
            withExtendedLifetime(operations) {}
            try await Self.reencode(one, beside: other, last)
            #expect(try last.take(base: one) == nil)
            #expect(try last.publishAll(isReplacing: true).bytes == 0)
        }
    }

    @Test func `is taken by nobody who is too late, and replaced by nobody who was slow`() async throws {
        try await onPool {
            let bench = try Bench()
            let plain = Training.noise.pair(700_000, .bf16, seed: 8)
            do {
                let setup = try Operation(bench.shelf.store)
                let one = try await Pair.bring(plain.base, beside: nil, bench, setup)
                let other = try await Pair.bring(plain.plain, beside: nil, bench, setup)
                let slow = try Operation(bench.other().store)
                try await Self.reencode(other, beside: one, slow)
                let quick = try Operation(bench.other().store)
                try await Self.reencode(one, beside: other, quick)
                // The first to publish finds the other's claim, and so does the second.
                #expect(try quick.publishAll(isReplacing: true).bytes == 0)
                #expect(try slow.publishAll(isReplacing: true).bytes == 0)
            }
            let operation = try Operation(bench.other().store)
            let (one, other) = (
                Layer(digest: SHA256.digest(of: plain.base.span), size: UInt64(plain.base.count)),
                Layer(digest: SHA256.digest(of: plain.plain.span), size: UInt64(plain.plain.count))
            )
            try await Self.reencode(other, beside: one, operation)
            #expect(try operation.publishAll(isReplacing: true).bytes > 0)
            #expect(try Self.base(of: other, in: bench) == one.digest)
            #expect(try Operation(bench.other().store).take(base: other) == nil)
            let store = try bench.other().store
            #expect(try LayerReader(store).bytes(of: other, limit: 1 << 30) == plain.plain)
        }
    }

    @Test(arguments: [true, false]) func `is told from its deltas when it is damaged, and mends them`(isLarge: Bool)
        async throws
    {
        try await onPool {
            let bench = try Bench()
            let operation = try Operation(bench.shelf.store)
            let pair = try await Pair(bench, operation, isLarge: isLarge)
            try bench.name([pair.delta], "tune", in: operation)
            if isLarge {
                try Bend.flip(bench.shelf.object(pair.base.digest), at: 5000)
            } else {
                let record = try #require(bench.shelf.store.catalog.record(of: pair.base.digest))
                guard case .pack(let pack, let offset) = record.place else { throw CakeError(.failed, "not packed") }
                try Bend.flip(bench.root + "/packs/\(pack.hex).pack", at: Int(offset) + 300)
            }
            let failure = await #expect(throws: CakeError.self) { try await bench.other().files(of: "tune") }
            #expect(failure?.kind == .damaged && failure?.what.contains(pair.base.digest.short) == true)
            try bench.other().store.setAside([pair.delta])
            #expect(try bench.shelf.entries("damaged") == [pair.base.digest.hex])
            let found = try await bench.other().store.verify([pair.delta]) { _ in }
            #expect(found.first?.kind == .lostBase && found.first?.base == pair.base)
            #expect(found.map(\.layer) == [pair.delta, pair.base])
            let again = try Operation(bench.other().store)
            _ = try await Pair.bring(pair.plain.base, beside: nil, bench, again)
            #expect(try await bench.other().files(of: "tune") == ["0.bin": pair.plain.delta])
            #expect(try Self.base(of: pair.delta, in: bench) == pair.base.digest)
        }
    }

    @Test func `of a delta that another command stored first is not needed twice`() async throws {
        try await onPool {
            let bench = try Bench()
            let operation = try Operation(bench.shelf.store)
            let plain = Training.noise.pair(30_000, .bf16, seed: 8)
            let base = try await Pair.bring(plain.base, beside: nil, bench, operation)
            let operations = [try Operation(bench.other().store), try Operation(bench.other().store)]
            let new = [[1, 2, 3], [4, 5, 6]] as [[UInt8]]
            var layers: [Layer] = []
            for (operation, extra) in zip(operations, new) {
                layers += try bench.stage([plain.plain], dtype: .bf16, base: base, in: operation)
                layers += try bench.stage([extra], in: operation)
            }
            for operation in operations { try operation.publish() }
            let members = try PackMembers.all(of: bench.other().store)
            #expect(members.count { $0.layer == layers[0] } == 1 && layers[0] == layers[2])
            #expect(try await bench.other().store.verify(layers) { _ in }.isEmpty)
        }
    }
}
