import Model
import Platform
import Support
import Testing

@testable import Codec
@testable import Store

@Suite struct `Weights at rest` {
    /// The first frame of a layer's object, the digest of all its bytes, and their number.
    static func ingest(_ bytes: [UInt8], _ dtype: DType?, threads: Int) async throws -> (ObjectHeader, Digest, UInt64) {
        let pool = BlockingPool(threads: threads)
        return try await Task(executorPreference: pool) {
            let bench = try Bench()
            let store = try LocalStore(at: bench.root, pool: pool)
            let operation = try Operation(store)
            let layer = try await bench.ingest(bytes, dtype: dtype, in: operation)
            try operation.publish()
            #expect(try LayerReader(store).bytes(of: layer, limit: 1 << 30) == bytes)
            let object = try store.open(layer)
            let stored = try object.file.bytes(at: object.start, count: Int(object.length))
            return (object.header, SHA256.digest(of: stored.span), object.length)
        }.value
    }

    @Test(arguments: [1000, 300_000, 1_500_000]) func `take what their exponents leave`(count: Int) async throws {
        let weights = seededWeights(count, seed: 4)
        let halves = bf16(weights)
        let (header, _, length) = try await Self.ingest(halves, .bf16, threads: 2)
        #expect(header.transform == .planes && header.parameters == [2])
        #expect(Double(length) < Double(halves.count) * 0.7 + 250)
        let singles = f32(weights)
        let (wide, _, wideLength) = try await Self.ingest(singles, .f32, threads: 2)
        #expect(wide.transform == .planes && wide.parameters == [4])
        #expect(Double(wideLength) < Double(singles.count) * 0.85 + 250)
        // The same bytes, without a dtype.
        let (plain, _, plainLength) = try await Self.ingest(halves, nil, threads: 2)
        #expect(plain.transform == .none && plainLength > length)
    }

    @Test func `are planes only where these are smaller`() async throws {
        for size in [10, 5000, 3 << 20] {
            for bytes in [seededBytes(size, seed: 3), seededBytes(size, seed: 3, .constant)] {
                let (header, _, length) = try await Self.ingest(bytes, .bf16, threads: 2)
                #expect(header.transform == .none)
                #expect(length < UInt64(size + size / 1000 + 250))
            }
        }
    }

    @Test func `are the same bytes on one thread and on many`() async throws {
        let weights = seededWeights(1_200_000, seed: 9)
        for (bytes, dtype) in [(bf16(weights), DType.bf16), (f32(weights), .f32), (f32(weights), .f64)] {
            let (_, one, _) = try await Self.ingest(bytes, dtype, threads: 1)
            for threads in [2, 5] {
                let (_, many, _) = try await Self.ingest(bytes, dtype, threads: threads)
                #expect(one == many)
            }
        }
    }

    @Test func `are damaged, and no more than that, when their parameters are bent`() async throws {
        try await onPool {
            for (size, folder) in [(1000, "packs"), (1_000_000, "")] {
                let bench = try Bench()
                let operation = try Operation(bench.shelf.store)
                let layer = try await bench.ingest(bf16(seededWeights(size, seed: 1)), dtype: .bf16, in: operation)
                try operation.publish()
                try Bend.flip(folder.isEmpty ? bench.shelf.object(layer.digest) : try bench.only(folder), at: 64)
                #expect(try await bench.other().store.verify([layer]) { _ in }.map(\.kind) == [.wrong])
            }
        }
    }
}
