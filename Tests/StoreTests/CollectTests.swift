import Foundation
import Mirror
import Model
import Platform
import Support
import Testing

@testable import Store

@Suite struct `A collection` {
    @Test func `frees at once what a removed model alone had`() async throws {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.small(seed: 1)
            let kept = try ModelMaker.packed(changed: 0..<2, seed: 2)
            try await bench.bring(files, as: "gone")
            try await bench.bring(kept, as: "kept")
            let alone = try bench.shelf.entries("objects")
            #expect(alone.count == 1)
            try bench.shelf.remove("gone")
            let promised = try bench.shelf.collect(grace: .seconds(86_400), isDryRun: true)
            let collected = try bench.shelf.collect(grace: .seconds(86_400))
            #expect(collected.layers == promised.layers && collected.bytes == promised.bytes && collected.layers > 4)
            #expect(try bench.shelf.entries("objects").isEmpty)
            #expect(try bench.shelf.entries("manifests").count == 1)
            #expect(try await bench.other().files(of: "kept") == kept)
            #expect(try bench.shelf.collect().layers == 0)
        }
    }

    @Test func `frees the last model when it was removed on purpose`() async throws {
        try await onPool {
            let bench = try Bench()
            try await bench.bring(ModelMaker.small(), as: "m")
            try bench.shelf.remove("m")
            try bench.shelf.collect()
            for folder in ["objects", "packs", "manifests", "names", "removed", "incoming"] {
                #expect(try bench.shelf.entries(folder).isEmpty, "\(folder)")
            }
        }
    }

    @Test func `refuses when all names were lost, and takes a force`() async throws {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.small()
            let manifest = try await bench.bring(files, as: "m")
            try Bend.remove(bench.root + "/names/m")
            #expect(throws: CakeError.self) { try bench.shelf.collect() }
            #expect(throws: CakeError.self) { try bench.shelf.collect(isDryRun: true) }
            #expect(try bench.shelf.entries("manifests") == [manifest.hex])
            try await bench.bring(files, as: "m")
            #expect(try await bench.shelf.files(of: "m") == files)
            try Bend.remove(bench.root + "/names/m")
            try bench.shelf.collect(isForced: true)
            #expect(try bench.shelf.entries("manifests").isEmpty)
        }
    }

    @Test func `refuses when the names of models that were removed before and came again are lost`() async throws {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.small()
            try await bench.bring(files, as: "m")
            try bench.shelf.remove("m")
            try await bench.bring(files, as: "m")
            try Bend.remove(bench.root + "/names/m")
            #expect(throws: CakeError.self) { try bench.shelf.collect() }
        }
    }

    @Test func `refuses when a name is lost whose model lost another name on purpose`() async throws {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.small()
            try await bench.bring(files, as: "m")
            try await bench.shelf.bring(bench.folder(files, "m"), as: "other")
            try bench.shelf.remove("other")
            try Bend.remove(bench.root + "/names/m")
            #expect(throws: CakeError.self) { try bench.shelf.collect() }
        }
    }

    @Test(arguments: ["cut", "flip", "empty", "foreign"]) func `refuses while a name cannot be read`(how: String)
        async throws
    {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.small()
            try await bench.bring(files, as: "m")
            try await bench.bring(ModelMaker.packed(changed: 0..<1, seed: 1), as: "n")
            let path = bench.root + "/names/m"
            switch how {
            case "cut": try Bend.cut(path, to: 30)
            case "flip": try Bend.flip(path, at: 14, mask: 0x80)
            case "empty": try Bend.cut(path, to: 0)
            default: try Bend.move(path, to: bench.root + "/names/m!")
            }
            #expect(throws: CakeError.self) { try bench.shelf.collect(isForced: true) }
            if how == "foreign" { try Bend.move(bench.root + "/names/m!", to: path) }
            // Bringing the model again mends its name.
            try await bench.bring(files, as: "m")
            try bench.shelf.collect()
            #expect(try await bench.shelf.files(of: "m") == files)
        }
    }

    @Test(arguments: ["cut", "flip", "gone"]) func `refuses while a named manifest cannot be read`(how: String)
        async throws
    {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.small()
            let manifest = try await bench.bring(files, as: "m")
            try await bench.bring(ModelMaker.packed(changed: 0..<1, seed: 1), as: "n")
            let path = bench.root + "/manifests/" + manifest.hex
            switch how {
            case "cut": try Bend.cut(path, to: 100)
            case "flip": try Bend.flip(path, at: 300)
            default: try Bend.remove(path)
            }
            #expect(throws: CakeError.self) { try bench.shelf.collect(isForced: true) }
            try await bench.bring(files, as: "m")
            try bench.shelf.collect()
            #expect(try await bench.shelf.files(of: "m") == files)
        }
    }

    @Test func `keeps what a killed import stored while it is young`() async throws {
        try await onPool {
            let bench = try Bench()
            try await bench.bring(ModelMaker.packed(changed: 0..<1, seed: 1), as: "n")
            do {
                let operation = try Operation(bench.shelf.store)
                _ = try bench.stage([Array("one".utf8), Array("two".utf8)], in: operation)
                _ = try await bench.ingest(seededBytes(1 << 20, seed: 1), dtype: .u8, in: operation)
                try operation.publish()
            }
            let young = try bench.shelf.collect(grace: .seconds(3600))
            #expect(young.layers == 0 && young.keptYoung == 3)
            let all = try bench.shelf.collect(grace: .zero)
            #expect(all.layers == 3 && all.keptYoung == 0)
        }
    }

    @Test func `makes room for a mirror without what a killed command stored`() async throws {
        try await onPool {
            let bench = try Bench()
            try await bench.bring(ModelMaker.small(), as: "m")
            let store = bench.shelf.store
            let operation = try Operation(store)
            try store.update(ModelName("m"), in: operation) { record in
                var record = record
                record?.mark = .mirrored
                return record
            }
            let unnamed = try await bench.ingest(seededBytes(1 << 20, seed: 1), dtype: .u8, in: operation)
            try operation.publish()
            try Bend.age(bench.shelf.object(unnamed.digest), seconds: 7200)
            let (names, collected) = try store.evict(to: 0) { $0 }
            #expect(names.map(\.string) == ["m"] && collected.layers > 0)
            #expect(try store.contains(unnamed) && bench.shelf.entries("objects").count == 1)
        }
    }

    @Test func `keeps a model that was stored and not yet named while it is young`() async throws {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.small()
            try await bench.bring(ModelMaker.packed(changed: 0..<1, seed: 1), as: "n")
            let manifest = try await bench.bring(files, as: "m")
            try Bend.remove(bench.root + "/names/m")
            #expect(try bench.shelf.collect(grace: .seconds(3600)).layers == 0)
            let layers = try bench.shelf.store.manifest(manifest).layers
            #expect(try layers.allSatisfy { layer throws(CakeError) in try bench.shelf.store.contains(layer) })
            #expect(try bench.shelf.collect(grace: .zero).manifests == 1)
            #expect(try bench.shelf.entries("objects").isEmpty)
        }
    }

    @Test(arguments: [-1e9, 1e9]) func `loses nothing when the clock jumps`(seconds: Double) async throws {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.small()
            try await bench.bring(files, as: "m")
            let operation = try Operation(bench.shelf.store)
            let staged = try bench.stage([Array("claimed".utf8)], in: operation)
            try operation.publish()
            for path in try FileManager.default.subpathsOfDirectory(atPath: bench.root) {
                try Bend.age(bench.root + "/" + path, seconds: seconds)
            }
            try bench.other().collect()
            #expect(try bench.other().store.contains(staged[0]))
            #expect(try await bench.other().files(of: "m") == files)
            withExtendedLifetime(operation) {}
        }
    }

    @Test func `rewrites packs whose members died, and old readers find what stayed`() async throws {
        try await onPool {
            let bench = try Bench()
            let first = try ModelMaker.packed(changed: 0..<2, seed: 1)
            let second = try ModelMaker.packed(changed: 0..<2, seed: 2)
            try await bench.bring(first, as: "first")
            try await bench.bring(second, as: "second")
            let reader = try bench.other()
            let packs = try bench.shelf.entries("packs")
            try bench.shelf.remove("first")
            #expect(try bench.shelf.collect().layers == 2)
            #expect(try bench.shelf.entries("packs") != packs)
            #expect(try await reader.files(of: "second") == second)
            #expect(try await bench.other().damages().isEmpty)
            #expect(try bench.shelf.entries("index-2").count == 1)
        }
    }

    @Test func `keeps one copy of a layer that two packs hold`() async throws {
        try await onPool {
            // Which pack sorts first decides which copy goes: some of these meet each order.
            for seed in UInt64(0)..<8 {
                let bench = try Bench()
                let (one, two) = (seededBytes(500, seed: seed), seededBytes(500, seed: seed + 100))
                var operations = [try Operation(bench.shelf.store), try Operation(bench.shelf.store)]
                // Both find the layer missing, so both bring it.
                let both = try bench.stage([one, two], in: operations[0])
                let single = try bench.stage([one], in: operations[1])
                for operation in operations { try operation.publish() }
                try bench.name(both, "both", in: operations[0])
                try bench.name(single, "single", in: operations[1])
                operations = []
                try bench.shelf.remove("both")
                try bench.shelf.collect()
                #expect(try await bench.other().files(of: "single") == ["0.bin": one], "seed \(seed)")
                #expect(try bench.shelf.entries("packs").count == 1)
            }
        }
    }
}
