import Model
import Platform
import Support
import Testing

@testable import Store

/// Other commands than import, each broken at every call it makes.
@Suite struct `A command that a call to the machine breaks` {
    /// A copy of a store that was made once.
    struct Subject {
        let scratch = try? Scratch()
        let root: String

        init(_ template: Bench) throws {
            guard let scratch else { throw CakeError(.failed, "no folder to test in") }
            root = scratch["store"]
            try Bend.copy(template.root, to: root)
        }
    }

    static let kept = try? ModelMaker.packed(tensors: 5, changed: 0..<2, seed: 1)
    static let gone = try? ModelMaker.packed(tensors: 5, changed: 0..<2, seed: 2)
        .merging(["large.safetensors": ModelMaker.small(seed: 4)["model.safetensors"] ?? []]) { one, _ in one }

    static func template() async throws -> Bench {
        let bench = try Bench()
        try await bench.bring(gone ?? [:], as: "gone")
        try await bench.bring(kept ?? [:], as: "kept")
        return bench
    }

    /// Every name leads to its complete model, and a collection leaves nothing behind. Checked once for calls that
    /// leave the same state, as most do: they are one of 256 reads of a folder.
    static func expectWhole(_ root: String, _ names: Set<String>, nth: Int, _ states: States) async throws {
        guard try states.isNew(root) else { return }
        let shelf = try Shelf(at: root)
        let damages = try await shelf.damages()
        #expect(damages.isEmpty, "call \(nth): \(damages)")
        let found = try shelf.names()
        #expect(names.isSubset(of: found), "call \(nth) left \(found)")
        for name in found {
            #expect(try await shelf.files(of: name) == (name == "gone" ? gone : kept), "call \(nth), \(name)")
        }
        try ageLeftovers(of: root)
        try shelf.collect()
        #expect(try shelf.entries("incoming").isEmpty, "call \(nth) left something behind")
        for name in found {
            #expect(try await Shelf(at: root).files(of: name) == (name == "gone" ? gone : kept), "call \(nth), \(name)")
        }
    }

    @Test(arguments: Fault.allCases) func `export leaves whole files or none, and the store as it was`(fault: Fault)
        async throws
    {
        try await onPool {
            let template = try await Self.template()
            let gone = try #require(Self.gone)
            let states = States()
            try await countingFaults(fault) {
                try Subject(template)
            } work: { subject in
                try await Shelf(at: subject.root).export("gone", to: subject.root + "-out")
            } check: { subject, reported, nth in
                let out = subject.root + "-out"
                if try Disk.exists(out) {
                    let files = try ModelMaker.read(out).filter { !$0.key.hasPrefix(".cake-export-") }
                    for (path, bytes) in files { #expect(gone[path] == bytes, "call \(nth): \(path) is not whole") }
                    if reported != nil { #expect(files == gone) }
                }
                let shelf = try Shelf(at: subject.root)
                #expect(try shelf.entries("damaged").isEmpty, "call \(nth)")
                // An export an hour later finds nothing in the way, and leaves nothing.
                if try Disk.exists(out) {
                    for name in try Disk.names(in: out) where name.hasPrefix(".") {
                        try waitUntilFree(out + "/" + name + "/lock")
                        try Bend.age(out + "/" + name, seconds: 7200)
                    }
                }
                try await shelf.export("gone", to: out)
                #expect(try ModelMaker.read(out) == gone, "call \(nth)")
                #expect(try Disk.names(in: out).allSatisfy { !$0.hasPrefix(".") }, "call \(nth) left something behind")
                try await Self.expectWhole(subject.root, ["gone", "kept"], nth: nth, states)
            }
        }
    }

    @Test(arguments: Fault.allCases) func `export in other forms leaves whole files or none`(fault: Fault) async throws
    {
        try await onPool {
            let template = try await Self.template()
            let right = try Scratch()
            let limit: UInt64 = 4096
            try await template.shelf.exportForms(
                "gone", archive: right["out/m.pt"], shards: right["out/s"], limit: limit)
            let wanted = try ModelMaker.read(right["out"])
            #expect(wanted.count > 3)
            try await countingFaults(fault) {
                try Subject(template)
            } work: { subject in
                let out = subject.root + "-out"
                try await Shelf(at: subject.root).exportForms(
                    "gone", archive: out + "/m.pt", shards: out + "/s", limit: limit)
            } check: { subject, reported, nth in
                let out = subject.root + "-out"
                guard try Disk.exists(out) else { return }
                let files = try ModelMaker.read(out).filter { !$0.key.contains(".cake-export-") }
                for (path, bytes) in files { #expect(wanted[path] == bytes, "call \(nth): \(path) is not whole") }
                if reported != nil { #expect(files == wanted) }
            }
        }
    }

    @Test(arguments: Fault.allCases) func `export to a cache names a snapshot only when it is whole`(
        fault: Fault
    ) async throws {
        try await onPool {
            let template = try await Self.template()
            let kept = try #require(Self.kept)
            func expectWhole(_ snapshot: String, _ nth: Int) {
                for (path, bytes) in kept {
                    let found = try? Disk.read(snapshot + "/" + path, limit: 1 << 20)
                    #expect(found == bytes, "call \(nth): \(path)")
                }
            }
            try await countingFaults(fault) {
                try Subject(template)
            } work: { subject in
                try await Shelf(at: subject.root).exportToCache("kept", subject.root + "-hub")
            } check: { subject, reported, nth in
                let cache = subject.root + "-hub"
                if let reported { expectWhole(reported, nth) }
                let reference = try? Disk.read(cache + "/models--kept/refs/main", limit: 64)
                if let reference {
                    let commit = String(decoding: reference, as: UTF8.self)
                    expectWhole(cache + "/models--kept/snapshots/" + commit, nth)
                }
                expectWhole(try await Shelf(at: subject.root).exportToCache("kept", cache), nth)
            }
        }
    }

    @Test(arguments: Fault.allCases) func `gc leaves every living model whole`(fault: Fault) async throws {
        try await onPool {
            let template = try await Self.template()
            try template.shelf.remove("gone")
            let states = States()
            try await countingFaults(fault) {
                try Subject(template)
            } work: { subject in
                try Shelf(at: subject.root).collect()
            } check: { subject, reported, nth in
                if reported != nil { #expect(try Shelf(at: subject.root).entries("objects").isEmpty) }
                try await Self.expectWhole(subject.root, ["kept"], nth: nth, states)
                let shelf = try Shelf(at: subject.root)
                try shelf.collect()
                #expect(try shelf.entries("objects").isEmpty, "call \(nth)")
                #expect(try shelf.entries("manifests").count == 1 && shelf.entries("packs").count == 2, "call \(nth)")
            }
        }
    }

    @Test(arguments: Fault.allCases) func `rm takes the name or leaves it`(fault: Fault) async throws {
        try await onPool {
            let template = try await Self.template()
            let states = States()
            try await countingFaults(fault) {
                try Subject(template)
            } work: { subject in
                try Shelf(at: subject.root).remove("gone")
            } check: { subject, reported, nth in
                let names = try Shelf(at: subject.root).names()
                if reported != nil { #expect(names == ["kept"]) }
                try await Self.expectWhole(subject.root, ["kept"], nth: nth, states)
            }
        }
    }

    @Test(arguments: Fault.allCases) func `tag and pin leave the old record or the new one`(fault: Fault) async throws {
        try await onPool {
            let template = try await Self.template()
            let old = try #require(try template.shelf.store.record(of: ModelName("kept")))
            let states = States()
            try await countingFaults(fault) {
                try Subject(template)
            } work: { subject in
                let store = try Shelf(at: subject.root).store
                let operation = try Operation(store)
                for name in ["kept", "more"] {
                    try store.update(ModelName(name), in: operation) { record in
                        var record = record ?? old
                        record.isPinned = true
                        return record
                    }
                }
            } check: { subject, reported, nth in
                let store = try Shelf(at: subject.root).store
                let kept = try #require(try store.record(of: ModelName("kept")))
                var pinned = old
                pinned.isPinned = true
                #expect(kept == old || kept == pinned, "call \(nth)")
                let more = try store.record(of: ModelName("more"))
                #expect(more == nil || more == pinned, "call \(nth)")
                if reported != nil { #expect(kept == pinned && more == pinned) }
                try await Self.expectWhole(subject.root, ["gone", "kept"], nth: nth, states)
            }
        }
    }

    @Test(arguments: Fault.allCases) func `verify sets aside what is damaged and nothing else`(fault: Fault)
        async throws
    {
        try await onPool {
            let template = try await Self.template()
            let large = try template.layer("model.embed.weight", of: "gone")
            let small = try template.layer("layers.0.weight", of: "kept")
            try Bend.flip(template.shelf.object(large.digest), at: 5000)
            let record = try #require(template.shelf.store.catalog.record(of: small.digest))
            guard case .pack(let pack, let offset) = record.place else { throw CakeError(.failed, "not packed") }
            try Bend.flip(template.root + "/packs/\(pack.hex).pack", at: Int(offset) + 300)
            let damaged: Set = [large.digest, small.digest]
            // Of both models: no call is spent on layers without a name.
            let layers = try ["gone", "kept"].flatMap { try template.shelf.layers(of: $0) }
            let states = States()
            let mended = States()
            try await countingFaults(fault) {
                try Subject(template)
            } work: { subject in
                try await Shelf(at: subject.root).store.verify(layers, progress: { _ in })
            } check: { subject, reported, nth in
                if let reported {
                    // What the failing call kept from being read is reported too, and nothing else.
                    let (wrong, all) = (reported.filter { $0.kind == .wrong }, Set(reported.map(\.layer.digest)))
                    #expect(Set(wrong.map(\.layer.digest)).isSubset(of: damaged), "call \(nth)")
                    #expect(all.isSuperset(of: damaged), "call \(nth)")
                    #expect(reported.allSatisfy { $0.kind == .unreadable || damaged.contains($0.layer.digest) })
                }
                let found = try await Shelf(at: subject.root).store.verify(layers, progress: { _ in })
                let left = Set(found.map(\.layer.digest))
                #expect(left == damaged, "call \(nth)")
                let shelf = try Shelf(at: subject.root)
                #expect(Set(try shelf.entries("damaged")) == Set(damaged.map(\.hex)), "call \(nth)")
                guard try mended.isNew(subject.root) else { return }
                for (name, files) in [("gone", Self.gone), ("kept", Self.kept)] {
                    try await shelf.bring(template.scratch["folder-" + name], as: name)
                    #expect(try await shelf.files(of: name) == files)
                }
                try await Self.expectWhole(subject.root, ["gone", "kept"], nth: nth, states)
            }
        }
    }
}
