import Foundation
import Model
import Platform
import Support
import Testing

@testable import Store

@Suite struct `A stored model in another tool's shape` {
    private let scratch: Scratch
    private let shelf: Shelf

    init() throws {
        scratch = try Scratch()
        shelf = try Shelf(at: scratch["store"])
    }

    @discardableResult
    private func bring(_ files: ModelMaker.Files, as name: String) async throws -> LocalStore.Named {
        try await shelf.bring(ModelMaker.write(files, to: scratch["of \(name)"]), as: name)
        return try shelf.store.find(name)
    }

    private func bytes(_ plan: BlobPlan, _ range: Range<UInt64>? = nil) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        try await plan.read(range, by: LayerReader(shelf.store)) { piece in
            piece.withBytes { span in for index in span.indices { bytes.append(span[index]) } }
        }
        return bytes
    }

    /// How many bytes were read to find digests.
    private func hashed(_ named: LocalStore.Named, as shape: WrittenShape = .image) async throws -> UInt64 {
        var count: UInt64 = 0
        _ = try await shelf.store.shaped(named, as: shape) { _ in
        } did: {
            count += $0
        }
        return count
    }

    private func digests(_ named: LocalStore.Named) -> String {
        scratch["store/image-layers-1/\(named.record.manifest.hex)"]
    }

    @Test(arguments: WrittenShape.allCases)
    func `has blobs with the digests that its manifest names`(shape: WrittenShape) async throws {
        try await onPool {
            let files = try ModelMaker.small()
            let model = try await shelf.store.shaped(bring(files, as: "m"), as: shape)
            for blob in model.blobs {
                let bytes = try await bytes(blob.plan)
                #expect(BlobName(SHA256.digest(of: bytes.span)) == blob.descriptor.name)
                #expect(UInt64(bytes.count) == blob.descriptor.size)
            }
            let named = try RegistryManifest(parsing: model.manifest.span)
            #expect(named.layers.map(\.name) == model.layers.map(\.descriptor.name))
            #expect(named.config?.name == model.config.descriptor.name)
        }
    }

    @Test func `gives any range of a layer`() async throws {
        try await onPool {
            let model = try await shelf.store.shaped(bring(ModelMaker.small(), as: "m"), as: .image)
            let plan = try #require(model.layers.first).plan
            let whole = try await bytes(plan)
            for start in stride(from: 0, to: whole.count, by: 98_765) {
                for end in [start, start + 1, start + 513, start + 1_060_000, whole.count] where end <= whole.count {
                    let found = try await bytes(plan, UInt64(start)..<UInt64(end))
                    #expect(found == Array(whole[start..<end]), "\(start)..<\(end)")
                }
            }
        }
    }

    @Test func `is hashed once, and not at all where another model has the same files in a layer`() async throws {
        try await onPool {
            var files = try ModelMaker.small()
            files["large.bin"] = seededBytes(Int(ImageLayers.large), seed: 3, .random)
            let first = try await bring(files, as: "m")
            #expect(try shelf.store.shapedAtOnce(first, as: .image) == nil)
            #expect(try await hashed(first) > ImageLayers.large)
            #expect(try await hashed(first) == 0)
            #expect(try shelf.store.shapedAtOnce(first, as: .image) != nil)
            files["config.json"] = Array("{}".utf8)
            let second = try await bring(files, as: "other")
            let count = try await hashed(second)
            #expect(count > 0 && count < ImageLayers.large)
            #expect(try await hashed(second) == 0)
        }
    }

    @Test func `needs no hashing as files`() async throws {
        try await onPool {
            let named = try await bring(ModelMaker.small(), as: "m")
            #expect(try await hashed(named, as: .modelpack) == 0)
            #expect(try shelf.store.shapedAtOnce(named, as: .modelpack) != nil)
            #expect(try !Disk.exists(digests(named)))
        }
    }

    @Test(arguments: 0..<3) func `does not believe damaged digests`(harm: Int) async throws {
        try await onPool {
            let named = try await bring(ModelMaker.small(), as: "m")
            let model = try await shelf.store.shaped(named, as: .image)
            let kept = try Disk.read(digests(named), limit: 1 << 20)
            switch harm {
            case 0: try Bend.flip(digests(named), at: 50)
            case 1: try Bend.cut(digests(named), to: kept.count - 1)
            default: try Bend.cut(digests(named), to: 0)
            }
            #expect(try await shelf.store.shaped(named, as: .image) == model)
            #expect(try Disk.read(digests(named), limit: 1 << 20) == kept)
        }
    }

    @Test func `loses its digests with the model`() async throws {
        try await onPool {
            let named = try await bring(ModelMaker.small(), as: "m")
            _ = try await hashed(named)
            _ = try await hashed(bring(ModelMaker.small(seed: 9), as: "other"))
            #expect(try shelf.entries("image-layers-1").count == 2)
            try shelf.remove("m")
            try shelf.collect()
            #expect(try shelf.entries("image-layers-1").count == 1)
            #expect(try !Disk.exists(digests(named)))
        }
    }

    @Test func `has its files hashed first, where only its publisher named their digests`() async throws {
        try await onPool {
            let named = try await bring(ModelMaker.small(), as: "m")
            let claim = scratch["store/claims/\(named.record.manifest.hex)"]
            try Data().write(to: URL(filePath: claim))
            #expect(try shelf.store.shapedAtOnce(named, as: .modelpack) == nil)
            let size = try shelf.store.manifest(named.record.manifest).size
            #expect(try await hashed(named, as: .modelpack) == size)
            #expect(try !Disk.exists(claim) && shelf.store.shapedAtOnce(named, as: .modelpack) != nil)
        }
    }

    @Test func `is not made of files that have other bytes than its manifest says`() async throws {
        try await onPool {
            let named = try await bring(ModelMaker.small(), as: "m")
            let manifest = try shelf.store.manifest(named.record.manifest)
            // Files of one size with each other's digests.
            let files = try manifest.files.map { file in
                guard file.path.string == "config.json" else { return file }
                return try Manifest.File(
                    path: file.path, digest: Digest(words: (1, 2, 3, 4)), size: file.size, segments: file.segments)
            }
            let operation = try Operation(shelf.store)
            let wrong = try shelf.store.save(Manifest(files: files), in: operation)
            let other = LocalStore.Named(name: try ModelName("wrong"), record: NameRecord(manifest: wrong))
            let error = await #expect(throws: CakeError.self) { try await shelf.store.shaped(other, as: .image) }
            #expect(error?.kind == .damaged && error?.what.contains("config.json") == true)
            #expect(try shelf.store.shapedAtOnce(other, as: .image) == nil)
        }
    }
}
