import Codec
import Foundation
import Model
import Platform
import Support
import Testing

@testable import Store

/// Index files as cake 0.1 writes them.
private enum Earlier {
    /// With digests of stored bytes, which no reader of a store's index compares with anything.
    static func bytes(of file: IndexFile) -> [UInt8] {
        var numbers: [Digest: UInt32] = [:]
        var bytes = Array("cakeidx1".utf8)
        bytes.append(littleEndian: UInt32(file.packs.count))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: UInt64(file.count))
        for (number, pack) in file.packs.enumerated() {
            numbers[pack.digest] = UInt32(number)
            bytes += pack.digest.bytes
            bytes.append(littleEndian: pack.size)
        }
        file.forEach { record in
            var number = IndexRecord.noPack
            if case .pack(let pack, _) = record.place { number = numbers[pack] ?? number }
            var short: [UInt8] = []
            record.append(to: &short, packNumber: number)
            bytes += short[..<32] + SHA256.digest(of: short.span).bytes + short[32...]
        }
        return bytes
    }

    /// Leaves a store as if cake 0.1 had written all of its index.
    static func write(_ bench: Bench) throws {
        try Disk.makeFolder(bench.root + "/index")
        for file in try bench.other().store.catalog.files {
            let bytes = bytes(of: file)
            let path = "\(bench.root)/index/\(SHA256.digest(of: bytes.span).hex).index"
            try Data(bytes).write(to: URL(filePath: path))
        }
        try FileManager.default.removeItem(atPath: bench.root + "/index-2")
    }
}

@Suite struct `An index of an earlier cake` {
    private static func filled() async throws -> (bench: Bench, models: [String: ModelMaker.Files]) {
        let bench = try Bench()
        let models = try ["one": ModelMaker.small(seed: 1), "two": ModelMaker.packed(changed: 0..<2, seed: 2)]
        for name in models.keys.sorted() { try await bench.bring(models[name] ?? [:], as: name) }
        return (bench, models)
    }

    private static func said(by shelf: Shelf) -> Set<[String]> {
        var said: Set<[String]> = []
        shelf.store.catalog.forEach { record in
            said.insert(["\(record.layer)", "\(record.place)", "\(record.storedLength)", "\(record.base as Any)"])
        }
        return said
    }

    @Test func `says the same, and no pack is read for it`() async throws {
        try await onPool {
            let (bench, models) = try await Self.filled()
            let before = try Self.said(by: bench.other())
            try Earlier.write(bench)
            #expect(try Self.said(by: bench.other()) == before && !before.isEmpty)
            #expect(try bench.shelf.entries("index-2").isEmpty)
            for (name, files) in models { #expect(try await bench.other().files(of: name) == files) }
            #expect(try await bench.other().damages().isEmpty)
        }
    }

    @Test func `becomes one of this shape in a collection`() async throws {
        try await onPool {
            let (bench, models) = try await Self.filled()
            let before = try Self.said(by: bench.other())
            try Earlier.write(bench)
            try bench.other().collect()
            #expect(try bench.shelf.entries("index").isEmpty && bench.shelf.entries("index-2").count == 1)
            #expect(try Self.said(by: bench.other()) == before)
            for (name, files) in models { #expect(try await bench.other().files(of: name) == files) }
        }
    }

    @Test func `is read in a store that is only read`() async throws {
        try await onPool {
            let (bench, models) = try await Self.filled()
            try Earlier.write(bench)
            let upper = try Shelf(at: bench.scratch["upper"], lower: [bench.root])
            for (name, files) in models { #expect(try await upper.files(of: name) == files) }
            #expect(try !Disk.exists(bench.root + "/index-2"))
        }
    }

    @Test(arguments: ["index", "index-2"]) func `is not used in the other's folder`(folder: String) async throws {
        try await onPool {
            let (bench, models) = try await Self.filled()
            if folder == "index-2" {
                try Earlier.write(bench)
                try FileManager.default.moveItem(atPath: bench.root + "/index", toPath: bench.root + "/index-2")
            } else {
                try FileManager.default.moveItem(atPath: bench.root + "/index-2", toPath: bench.root + "/index")
            }
            let misplaced = try Disk.names(in: bench.root + "/" + folder)
            for (name, files) in models { #expect(try await bench.other().files(of: name) == files) }
            let kept = try Disk.names(in: bench.root + "/" + folder).filter { misplaced.contains($0) }
            #expect(kept.isEmpty && !misplaced.isEmpty)
            #expect(try await bench.other().damages().isEmpty)
        }
    }

    @Test func `counts beside this one's when they name different bases of an object`() async throws {
        try await onPool {
            let bench = try Bench()
            let layer = Layer(digest: SHA256.digest(of: Array("layer".utf8).span), size: 1)
            let bases = ["one", "other"].map { SHA256.digest(of: Array($0.utf8).span) }
            try Data([0]).write(to: URL(filePath: bench.shelf.object(layer.digest)))
            let files = try bases.map { base in
                let record = IndexRecord(
                    layer: layer, storedLength: 1, place: .alone, transform: .init(rawValue: 0), base: base)
                let bytes = IndexFile.encode([record, record], packs: [])
                return try IndexFile(SHA256.digest(of: bytes.span), .memory(Chunk(copying: bytes.span)), .current)
            }
            let merged = try IndexMerge(files, in: bench.shelf.store.layout).encoded()
            let file = try IndexFile(.empty, .memory(Chunk(copying: merged.span)), .current)
            #expect(file.records(of: layer.digest).compactMap(\.base) == bases)
        }
    }
}
