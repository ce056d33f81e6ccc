import Foundation
import Model
import Platform
import Support
import Testing

@testable import Codec
@testable import Store

@Suite struct `An object` {
    /// Makes a store with one layer, and gives its object's path.
    static func stored(_ bytes: [UInt8], dtype: DType? = .u8) async throws -> (bench: Bench, layer: Layer, path: String)
    {
        let bench = try Bench()
        let operation = try Operation(bench.shelf.store)
        let layer = try await bench.ingest(bytes, dtype: dtype, in: operation)
        try operation.publish()
        try bench.name([layer], "m", in: operation)
        let isPacked = bytes.count < Int(LocalStore.smallLimit)
        return (bench, layer, isPacked ? try bench.only("packs") : bench.shelf.object(layer.digest))
    }

    /// Nil when reading it is refused.
    static func read(_ layer: Layer, in store: LocalStore) throws -> [UInt8]? {
        do {
            return try LayerReader(store).bytes(of: layer, limit: 1 << 30)
        } catch {
            guard error.kind == .damaged || error.kind == .notFound || error.kind == .failed else { throw error }
            return nil
        }
    }

    @Test func `gives the right bytes or an error, whichever byte is flipped`() async throws {
        try await onPool {
            for (bytes, dtype) in [
                (seededBytes(300, seed: 5, .mixed), DType.u8), (bf16(seededWeights(600, seed: 5)), .bf16),
            ] {
                let (bench, layer, path) = try await Self.stored(bytes, dtype: dtype)
                #expect(try bench.shelf.store.open(layer).header.transform == (dtype == .u8 ? .none : .planes))
                let whole = Array(try Data(contentsOf: URL(filePath: path)))
                for index in whole.indices {
                    for mask: UInt8 in [0x01, 0x80, 0xff] {
                        var bent = whole
                        bent[index] ^= mask
                        try Data(bent).write(to: URL(filePath: path))
                        let found = try Self.read(layer, in: bench.shelf.store)
                        #expect(found == nil || found == bytes, "byte \(index)")
                        // By the walk, too.
                        _ = try PackWalk.records(of: layer.digest, at: path)
                    }
                }
                for count in 0..<whole.count {
                    try Data(whole.prefix(count)).write(to: URL(filePath: path))
                    #expect(try Self.read(layer, in: bench.shelf.store) == nil, "cut to \(count)")
                    _ = try PackWalk.records(of: layer.digest, at: path)
                }
            }
        }
    }

    @Test func `of several pieces gives the right bytes or an error, too`() async throws {
        try await onPool {
            let bytes = seededBytes((2 << 20) + 17, seed: 5, .constant)
            let (bench, layer, path) = try await Self.stored(bytes)
            let whole = Array(try Data(contentsOf: URL(filePath: path)))
            for index in whole.indices {
                var bent = whole
                bent[index] ^= 1 << UInt8(index % 8)
                try Data(bent).write(to: URL(filePath: path))
                #expect(try Self.read(layer, in: bench.shelf.store) ?? bytes == bytes, "byte \(index)")
            }
            for count in stride(from: 0, to: whole.count, by: 7) {
                try Data(whole.prefix(count)).write(to: URL(filePath: path))
                #expect(try Self.read(layer, in: bench.other().store) == nil, "cut to \(count)")
            }
        }
    }

    @Test(arguments: Texture.allCases, [0, 1, 2, 1000, -1, 1 << 20, (1 << 20) + 1, (2 << 20) - 1, 5 << 20])
    func `of any size and texture is stored, read back and plain zstd`(texture: Texture, size: Int) async throws {
        try await onPool {
            let bytes = seededBytes(size < 0 ? (1 << 20) - 1 : size, seed: 11, texture)
            for dtype: DType? in [nil, .u8, .bf16, .f32, .f64] {
                let bench = try Bench()
                let operation = try Operation(bench.shelf.store)
                let layer = try await bench.ingest(bytes, dtype: dtype, in: operation)
                try operation.publish()
                for store in [bench.shelf.store, try bench.other().store] {
                    #expect(try store.contains(layer))
                    #expect(try LayerReader(store).bytes(of: layer, limit: 1 << 30) == bytes)
                }
                #expect(try await bench.other().damages().isEmpty)
                let objects = try bench.shelf.entries("objects").map { bench.shelf.object(Digest(hex: $0) ?? .empty) }
                let packs = try bench.shelf.entries("packs").map { bench.root + "/packs/" + $0 }
                #expect(objects.count + packs.count == (bytes.isEmpty ? 0 : 1))
                for path in objects + packs {
                    #expect(try zstd(["-t", path]) == 0)
                    let decoded = bench.scratch["decoded"]
                    #expect(try zstd(["-d", "-f", path, "-o", decoded]) == 0)
                    let isPlain = try bench.shelf.store.open(layer).header.transform == .none
                    #expect(Array(try Data(contentsOf: URL(filePath: decoded))) == bytes || !isPlain)
                    let stored = try Data(contentsOf: URL(filePath: path)).count
                    if texture == .random { #expect(stored < bytes.count + bytes.count / 1000 + 250) }
                    if texture == .constant, bytes.count > 1000 { #expect(stored < bytes.count / 4) }
                }
            }
        }
    }

    private func zstd(_ arguments: [String]) throws -> Int32 {
        try Tool.run("zstd", ["-q"] + arguments).status
    }
}
