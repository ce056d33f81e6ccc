import Foundation
import Model
import Platform
import Support
import Testing

@testable import Store

@Suite struct `A damaged store` {
    /// Kinds of damage to a stored file.
    enum Harm: CaseIterable, Sendable {
        case missing, empty, cutShort, cutByOne, flippedHead, flippedMiddle, flippedEnd, grown, swapped

        func happen(to path: String, other: String) throws {
            let size = try Data(contentsOf: URL(filePath: path)).count
            switch self {
            case .missing: try Bend.remove(path)
            case .empty: try Bend.cut(path, to: 0)
            case .cutShort: try Bend.cut(path, to: size / 2)
            case .cutByOne: try Bend.cut(path, to: size - 1)
            case .flippedHead: try Bend.flip(path, at: 40)
            case .flippedMiddle: try Bend.flip(path, at: size / 2, mask: 0x10)
            case .flippedEnd: try Bend.flip(path, at: -3)
            case .grown: try Bend.edit(path) { $0.append(0) }
            case .swapped:
                try Bend.remove(path)
                try Bend.copy(other, to: path)
            }
        }
    }

    /// Models are exported right or not at all, the damage is reported once, and importing them again repairs it.
    static func expectMended(_ bench: Bench, _ models: [String: ModelMaker.Files], isHarmless: Bool = false)
        async throws
    {
        let shelf = try bench.other()
        for (name, files) in models {
            do {
                #expect(try await shelf.files(of: name) == files)
            } catch let error as CakeError {
                #expect(!isHarmless, "\(error)")
                #expect(error.kind == .damaged && error.what.contains(name), "\(error)")
            }
        }
        _ = try await bench.other().damages()
        #expect(try await bench.other().damages().filter { $0.kind != .missing }.isEmpty)
        for (name, files) in models { try await bench.bring(files, as: name, into: bench.other()) }
        for (name, files) in models { #expect(try await bench.other().files(of: name) == files) }
        #expect(try await bench.other().damages().isEmpty)
        try bench.other().collect()
        for (name, files) in models { #expect(try await bench.other().files(of: name) == files) }
    }

    @Test(arguments: Harm.allCases) func `never gives wrong bytes for an object, and heals`(harm: Harm) async throws {
        try await onPool {
            let bench = try Bench()
            let models = ["one": try ModelMaker.small(seed: 1), "two": try ModelMaker.small(seed: 2)]
            for (name, files) in models { try await bench.bring(files, as: name) }
            let (layer, other) = try (
                bench.layer("model.embed.weight", of: "one"), bench.layer("model.embed.weight", of: "two")
            )
            try harm.happen(to: bench.shelf.object(layer.digest), other: bench.shelf.object(other.digest))
            // A store that was open before, and one that is opened now.
            for shelf in [bench.shelf, try bench.other()] {
                let failure = await #expect(throws: CakeError.self) { try await shelf.files(of: "one") }
                #expect(failure?.kind == .damaged)
                #expect(failure?.what.contains("one") == true && failure?.what.contains("model.embed.weight") == true)
            }
            #expect(try await bench.shelf.files(of: "two") == models["two"])
            let found = try await bench.other().damages()
            #expect(found.map(\.layer.digest) == [layer.digest])
            #expect(try bench.shelf.entries("damaged") == (harm == .missing ? [] : [layer.digest.hex]))
            try await Self.expectMended(bench, models)
        }
    }

    @Test(arguments: Harm.allCases) func `reports what verification finds before anybody reads`(harm: Harm) async throws
    {
        try await onPool {
            let bench = try Bench()
            let models = ["one": try ModelMaker.small(seed: 1), "two": try ModelMaker.small(seed: 2)]
            for (name, files) in models { try await bench.bring(files, as: name) }
            let (layer, other) = try (
                bench.layer("model.embed.weight", of: "one"), bench.layer("model.embed.weight", of: "two")
            )
            try harm.happen(to: bench.shelf.object(layer.digest), other: bench.shelf.object(other.digest))
            let found = try await bench.other().damages()
            #expect(found.map(\.layer.digest) == [layer.digest])
            #expect((found.first?.kind == .missing) == (harm == .missing))
            try await Self.expectMended(bench, models)
        }
    }

    @Test(arguments: Harm.allCases, [false, true]) func `never gives wrong bytes for a pack, and heals`(
        harm: Harm, isIndexGone: Bool
    ) async throws {
        try await onPool {
            let bench = try Bench()
            let models = [
                "one": try ModelMaker.packed(tensors: 6, changed: 0..<3, seed: 1),
                "two": try ModelMaker.packed(tensors: 6, changed: 0..<3, seed: 2),
            ]
            for name in models.keys.sorted() { try await bench.bring(models[name] ?? [:], as: name) }
            let packs = try bench.shelf.entries("packs").map { bench.root + "/packs/" + $0 }
            if isIndexGone {
                for name in try bench.shelf.entries("index-2") { try Bend.remove(bench.root + "/index-2/" + name) }
            }
            try harm.happen(to: packs[0], other: packs[1])
            try await Self.expectMended(bench, models)
        }
    }

    @Test(arguments: [false, true]) func `loses of a pack only what the damage lies in`(isIndexGone: Bool) async throws
    {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.packed(tensors: 8, changed: 0..<8, seed: 1)
            try await bench.bring(files, as: "m")
            let layer = try bench.layer("layers.3.weight", of: "m")
            let record = try #require(bench.shelf.store.catalog.record(of: layer.digest))
            guard case .pack(_, let offset) = record.place else { throw CakeError(.failed, "not packed") }
            // Without an index a layer is found by its first frame alone.
            try Bend.flip(bench.only("packs"), at: Int(offset) + (isIndexGone ? 9 : 70), mask: 0xff)
            if isIndexGone { try Bend.remove(bench.only("index-2")) }
            let found = try await bench.other().damages()
            #expect(found.map(\.layer.digest) == [layer.digest])
            #expect(try bench.shelf.entries("damaged") == (isIndexGone ? [] : [layer.digest.hex]))
            try await Self.expectMended(bench, ["m": files])
        }
    }

    @Test(arguments: Harm.allCases) func `does not need its index, and loses nothing to a damaged one`(harm: Harm)
        async throws
    {
        try await onPool {
            let bench = try Bench()
            let models = ["one": try ModelMaker.small(seed: 1), "two": try ModelMaker.small(seed: 2)]
            for (name, files) in models { try await bench.bring(files, as: name) }
            let files = try bench.shelf.entries("index-2").map { bench.root + "/index-2/" + $0 }
            try harm.happen(to: files[0], other: files[1])
            try await Self.expectMended(bench, models, isHarmless: true)
            #expect(try bench.shelf.entries("damaged").isEmpty)
        }
    }

    @Test func `loses nothing to an index with any bit flipped`() async throws {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.packed(tensors: 2, changed: 0..<2, seed: 1)
            try await bench.bring(files, as: "m")
            let index = try bench.only("index-2")
            let whole = Array(try Data(contentsOf: URL(filePath: index)))
            for offset in whole.indices {
                for name in try bench.shelf.entries("index-2") { try Bend.remove(bench.root + "/index-2/" + name) }
                var bytes = whole
                bytes[offset] ^= 1 << UInt8(offset % 8)
                try Data(bytes).write(to: URL(filePath: index))
                #expect(try await bench.other().files(of: "m") == files, "byte \(offset)")
                try Data(bytes).write(to: URL(filePath: index))
                if offset % 16 == 3 {
                    let damages = try await bench.other().damages()
                    #expect(damages.isEmpty, "byte \(offset)")
                }
                guard offset % 8 == 5 else { continue }
                try Data(bytes).write(to: URL(filePath: index))
                try bench.other().collect()
                #expect(try bench.shelf.entries("packs").count == 1, "byte \(offset)")
            }
            #expect(try bench.shelf.entries("damaged").isEmpty)
            #expect(try await bench.other().files(of: "m") == files)
        }
    }

    @Test(arguments: Harm.allCases) func `says which manifest is damaged, and heals it`(harm: Harm) async throws {
        try await onPool {
            let bench = try Bench()
            let models = ["one": try ModelMaker.small(seed: 1), "two": try ModelMaker.small(seed: 2)]
            var paths: [String: String] = [:]
            for (name, files) in models {
                paths[name] = bench.root + "/manifests/" + (try await bench.bring(files, as: name).hex)
            }
            let one = try #require(paths["one"])
            try harm.happen(to: one, other: #require(paths["two"]))
            let failure = await #expect(throws: CakeError.self) { try await bench.other().files(of: "one") }
            #expect(failure?.kind == .damaged && failure?.what.contains(Disk.lastPart(of: one).prefix(12)) == true)
            try await bench.bring(models["one"] ?? [:], as: "one")
            #expect(try await bench.other().damages().isEmpty)
            for (name, files) in models { #expect(try await bench.other().files(of: name) == files) }
        }
    }

    @Test func `reads a manifest once while its file is as it was, and again where that is asked for`() async throws {
        try await onPool {
            let bench = try Bench()
            let digest = try await bench.bring(try ModelMaker.small(seed: 1), as: "one")
            let path = bench.root + "/manifests/" + digest.hex
            let store = bench.shelf.store
            func age() throws {
                let time = Date(timeIntervalSince1970: 1_700_000_000)
                try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
            }
            try age()
            let manifest = try store.manifest(digest)
            var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
            bytes[bytes.count / 2] ^= 1
            // Its times do not tell of this.
            try Data(bytes).write(to: URL(filePath: path))
            try age()
            #expect(try store.manifest(digest) == manifest)
            #expect(throws: CakeError.self) { try store.manifest(digest, anew: true) }
            #expect(throws: CakeError.self) { try store.manifest(digest) }
            try FileManager.default.removeItem(atPath: path)
            #expect(throws: CakeError.self) { try store.manifest(digest) }
        }
    }

    @Test func `gives nothing back that was mended meanwhile`() async throws {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.small(seed: 1)
            try await bench.bring(files, as: "m")
            let layers = try bench.shelf.layers(of: "m")
            // As a verification does that saw damage which another command has mended since.
            try bench.shelf.store.setAside(layers)
            #expect(try bench.shelf.entries("damaged").isEmpty)
            #expect(try await bench.other().files(of: "m") == files)
        }
    }
}
