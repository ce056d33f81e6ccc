import Foundation
import Model
import Platform
import Store
import Support
import Testing
import Transfer

@Suite struct `A bundle` {
    private static let both = ["org/atune", "org/zbase"]

    private func expectBoth(_ luggage: Luggage, in shelf: Shelf) async throws {
        #expect(try shelf.names() == Self.both)
        for name in Self.both { #expect(try await shelf.files(of: name) == luggage.files(name)) }
        #expect(try await shelf.damages().isEmpty)
    }

    @Test(arguments: ["b.tar", "layout/"]) func `carries models to another store, with their deltas`(path: String)
        async throws
    {
        try await onPool {
            let luggage = try await Luggage()
            #expect(try luggage.deltas("org/atune", in: luggage.shelf) == 2)
            let saved = try await luggage.shelf.save(Self.both, to: luggage[path])
            #expect(saved.layersRecoded == 0 && saved.layersLeftOut == 0)
            let other = try luggage.other()
            let loaded = try await other.load(luggage[path])
            #expect(loaded.models.map(\.name.string) == Self.both && loaded.unfinished.isEmpty)
            #expect(loaded.layersStored == saved.layersWritten)
            try await expectBoth(luggage, in: other)
            #expect(try luggage.deltas("org/atune", in: other) == 2)
            let again = try await other.load(luggage[path])
            #expect(again.layersStored == 0 && again.bytesStored == 0 && again.layersHere == loaded.layersStored)
            #expect(again.models.count == 2)
        }
    }

    @Test(arguments: [1, 700, 1 << 20]) func `can be read from a pipe, once and from its front`(step: Int) async throws
    {
        try await onPool {
            let luggage = try await Luggage(elements: step == 1 ? 30_000 : 700_000)
            try await luggage.shelf.save(Self.both, to: luggage["b.tar"])
            let other = try luggage.other()
            #expect(try await other.load(piped: [luggage["b.tar"]], step: step).models.count == 2)
            try await expectBoth(luggage, in: other)
            let again = try await other.load(piped: [luggage["b.tar"]], step: step)
            #expect(again.layersStored == 0 && again.models.count == 2)
        }
    }

    @Test func `is the same each time, in whatever order models are named`() async throws {
        try await onPool {
            let luggage = try await Luggage()
            try await luggage.shelf.save(Self.both, to: luggage["one.tar"])
            try await luggage.shelf.save(Self.both.reversed(), to: luggage["two.tar"])
            #expect(try luggage.bytes("one.tar") == luggage.bytes("two.tar"))
            // Layers of both are there once.
            try await luggage.shelf.save(["org/zbase"], to: luggage["base.tar"])
            let sizes = try ["one.tar", "base.tar"].map { try luggage.bytes($0).count }
            #expect(sizes[0] < sizes[1] * 3 / 2)
        }
    }

    @Test func `of a fine-tune alone has its deltas whole`() async throws {
        try await onPool {
            let luggage = try await Luggage()
            let saved = try await luggage.shelf.save(["org/atune"], to: luggage["b.tar"])
            #expect(saved.layersRecoded == 2)
            let other = try luggage.other()
            try await other.load(luggage["b.tar"])
            #expect(try await other.files(of: "org/atune") == luggage.tune)
            #expect(try luggage.deltas("org/atune", in: other) == 0)
        }
    }

    @Test func `leaves out what the other side has, and relies on its bases`() async throws {
        try await onPool {
            let luggage = try await Luggage()
            let other = try luggage.other()
            try await luggage.shelf.save(["org/zbase"], to: luggage["base.tar"])
            try await other.load(luggage["base.tar"])
            let there = try LayerList(parsing: other.had().encoded.span)
            let saved = try await luggage.shelf.save(["org/atune"], to: luggage["b.tar"], without: there)
            #expect(saved.layersRecoded == 0 && saved.layersLeftOut == 2 && saved.bytesLeftOut > 5000)
            #expect(try luggage.bytes("b.tar").count < luggage.bytes("base.tar").count / 2)
            for path in ["b.tar", "c.tar"] {
                let third = try luggage.other(path + "-store")
                try await third.load(luggage["base.tar"])
                if path == "b.tar" {
                    try await third.load(luggage[path])
                } else {
                    try await third.load(piped: [luggage["b.tar"]], step: 4096)
                }
                #expect(try await third.files(of: "org/atune") == luggage.tune)
                #expect(try luggage.deltas("org/atune", in: third) == 2)
            }
            // One that has less than the list said takes nothing.
            let empty = try luggage.other("empty")
            let failed = try await empty.load(luggage["b.tar"])
            let missing = try #require(failed.unfinished.first)
            #expect(failed.models.isEmpty && failed.layersStored == 0 && missing.name.string == "org/atune")
            #expect(missing.layers == 4 && !missing.isInOtherPart && missing.examples.count == 3)
            #expect(try empty.names() == [])
        }
    }

    @Test func `of a model that the other side has is a few blobs`() async throws {
        try await onPool {
            let luggage = try await Luggage()
            let saved = try await luggage.shelf.save(Self.both, to: luggage["b.tar"], without: luggage.shelf.had())
            #expect(saved.packs == 0 && saved.layersWritten == 0)
            #expect(try await luggage.shelf.load(luggage["b.tar"]).models.count == 2)
        }
    }

    @Test func `in parts is loaded at once in any order, or part by part`() async throws {
        try await onPool {
            let luggage = try await Luggage()
            try await luggage.shelf.save(Self.both, to: luggage["whole.tar"])
            let largest = try RawTar.read(luggage.bytes("whole.tar")).map(\.bytes.count).max() ?? 0
            let limit = UInt64(largest + 20_000)
            let saved = try await luggage.shelf.save(Self.both, to: luggage["b.tar"], splitAt: limit)
            #expect(saved.paths == ["b.tar.000", "b.tar.001"].map { luggage[$0] })
            for path in saved.paths {
                #expect(try Data(contentsOf: URL(filePath: path)).count <= limit, "\(path)")
            }
            let (first, second) = (saved.paths[0], saved.paths[1])
            let atOnce = try luggage.other("at-once")
            #expect(try await atOnce.load(second, first).models.count == 2)
            try await expectBoth(luggage, in: atOnce)
            let piped = try luggage.other("piped")
            #expect(try await piped.load(piped: [first, second], step: 5000).models.count == 2)
            try await expectBoth(luggage, in: piped)
            let oneByOne = try luggage.other("one-by-one")
            let begun = try await oneByOne.load(first)
            #expect(begun.parts == 2 && begun.partsRead == [0])
            #expect(!begun.unfinished.isEmpty && begun.unfinished.allSatisfy(\.isInOtherPart))
            #expect(try await oneByOne.load(second).unfinished.isEmpty)
            try await expectBoth(luggage, in: oneByOne)
            // Deltas cannot be kept before their bases: their part is loaded once more.
            let backwards = try luggage.other("backwards")
            #expect(try await backwards.load(second).unfinished.count == 2)
            #expect(try await backwards.load(first).models.map(\.name.string) == ["org/zbase"])
            #expect(try await backwards.load(second).unfinished.isEmpty)
            try await expectBoth(luggage, in: backwards)
        }
    }

    @Test func `is not split below its packs, and replaces nothing unasked`() async throws {
        try await onPool {
            let luggage = try await Luggage()
            let small = await #expect(throws: CakeError.self) {
                try await luggage.shelf.save(Self.both, to: luggage["b.tar"], splitAt: 100_000)
            }
            #expect(small?.fix?.hasPrefix("use --split ") == true)
            try await luggage.shelf.save(["org/zbase"], to: luggage["b.tar"])
            let before = try luggage.bytes("b.tar")
            await #expect(throws: CakeError.self) { try await luggage.shelf.save(Self.both, to: luggage["b.tar"]) }
            #expect(try luggage.bytes("b.tar") == before)
            try await luggage.shelf.save(Self.both, to: luggage["b.tar"], mayReplace: true)
            #expect(try luggage.bytes("b.tar") != before)
            try await luggage.shelf.save(["org/zbase"], to: luggage["layout/"])
            await #expect(throws: CakeError.self) { try await luggage.shelf.save(Self.both, to: luggage["layout/"]) }
        }
    }

    @Test func `takes no name from a model that came from elsewhere`() async throws {
        try await onPool {
            let luggage = try await Luggage()
            try await luggage.shelf.save(["org/zbase"], to: luggage["b.tar"])
            let other = try luggage.other()
            try await other.bring(luggage.bench.folder(luggage.tune, "tune"), as: "org/zbase")
            let refused = await #expect(throws: CakeError.self) { try await other.load(luggage["b.tar"]) }
            #expect(refused?.fix == "cake mv org/zbase OTHER keeps it under another name; or use --force")
            #expect(try await other.files(of: "org/zbase") == luggage.tune)
            let forced = try await other.load(luggage["b.tar"], isForced: true)
            #expect(forced.models.first?.replaced != nil)
            #expect(try await other.files(of: "org/zbase") == luggage.base)
            // A later bundle of the same name is an update.
            try await luggage.shelf.bring(luggage.bench.folder(luggage.tune, "tune"), as: "org/zbase")
            try await luggage.shelf.save(["org/zbase"], to: luggage["c.tar"])
            try await other.load(luggage["c.tar"])
            #expect(try await other.files(of: "org/zbase") == luggage.tune)
        }
    }

    @Test func `is loaded on from where another load stopped`() async throws {
        try await onPool {
            let luggage = try await Luggage()
            try await luggage.shelf.save(["org/zbase"], to: luggage["base.tar"])
            let saved = try await luggage.shelf.save(Self.both, to: luggage["b.tar"])
            let other = try luggage.other()
            let base = try await other.load(luggage["base.tar"]).layersStored
            let rest = try await other.load(luggage["b.tar"])
            #expect(rest.layersStored == saved.layersWritten - base && rest.layersHere == base)
        }
    }

    @Test func `names each model for other tools`() throws {
        let names = try ["acme/Base", "acme/tune@v2", "registry.local:5000/team/m:v1"].map { try ModelName($0) }
        let found = BundleIndex.names(of: names)
        #expect(found.map(\.reference) == ["latest", "v2", "v1"])
        #expect(
            found.map(\.imageName) == [
                "localhost/acme/base:latest", "localhost/acme/tune:v2", "registry.local:5000/team/m:v1",
            ])
        let twice = BundleIndex.names(of: try ["a", "b"].map { try ModelName($0) })
        #expect(twice.map(\.reference) == ["a:latest", "b:latest"])
    }
}

@Suite struct `A signature in a bundle` {
    @Test func `stays beside its model`() async throws {
        try await onPool {
            let luggage = try await Luggage(elements: 30_000)
            let named = try luggage.shelf.store.find("org/zbase")
            let signature = SignatureBundle(payload: [1, 2, 3], signature: [48, 6, 2, 1, 1, 2, 1, 1], hint: nil).encoded
            let operation = try Operation(luggage.shelf.store)
            try operation.hold(manifest: named.record.manifest)
            try luggage.shelf.store.keep(signature, of: named.record.manifest, by: .empty, in: operation)
            try await luggage.shelf.save(["org/zbase", "org/atune"], to: luggage["b.tar"])
            for piped in [false, true] {
                let other = try luggage.other("piped: \(piped)")
                let loaded =
                    piped
                    ? try await other.load(piped: [luggage["b.tar"]], step: 900)
                    : try await other.load(luggage["b.tar"])
                #expect(loaded.models.map(\.signatures) == [0, 1] && loaded.others.isEmpty)
                let kept = try other.store.signatures(of: named.record.manifest)
                #expect(try kept.map { try other.store.bytes(of: $0) } == [signature])
            }
        }
    }
}
