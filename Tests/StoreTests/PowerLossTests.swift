import Model
import Platform
import Support
import Testing

@testable import Store

@Suite struct `A power cut at any moment` {
    /// Records what `work` does to the store, then cuts the power after each event, in each way.
    static func cutting(
        _ bench: Bench, seed: UInt64, _ work: () async throws -> [String: Int],
        check: (_ root: String, _ left: Shelf, _ event: Int, _ marks: [String: Int]) async throws -> Void
    ) async throws {
        print("a power cut: seed \(seed)")
        var disk = try PowerCut(bench.root)
        let plan = FaultPlan.recorder()
        let marks = try await FaultPlan.$current.withValue(plan) { try await work() }
        let events = plan.events
        #expect(events.count > 10)
        for event in 0...events.count {
            if event > 0 { disk.follow(events[event - 1]) }
            let variants: [PowerCut.Variant] = [.nothing, .names, .halves, .some(seed: seed &+ UInt64(event))]
            for variant in variants {
                let scratch = try Scratch()
                let root = scratch["store"]
                try disk.build(variant, at: root)
                do {
                    try await check(root, Shelf(at: root), event, marks)
                } catch {
                    Issue.record("seed \(seed): \(variant) left after \(event) of \(events.count) events: \(error)")
                }
            }
        }
    }

    @Test func `of an import leaves what was stored before, and all of the new model or nothing`() async throws {
        try await onPool {
            let bench = try Bench()
            let (old, new) = (try ModelMaker.packed(changed: 0..<2, seed: 1), try ModelMaker.small(seed: 2))
            try await bench.bring(old, as: "old")
            let folder = try bench.folder(new, "new")
            try await Self.cutting(bench, seed: SeededNumbers.freshSeed()) {
                let plan = try #require(FaultPlan.current)
                try await bench.shelf.bring(folder, as: "new")
                return ["done": plan.events.count]
            } check: { root, left, event, marks in
                let damages = try await left.damages()
                #expect(damages.isEmpty, "after event \(event)")
                let names = try left.names()
                #expect(names.contains("old"))
                if event >= marks["done"] ?? 0 { #expect(names == ["new", "old"], "after event \(event)") }
                for name in names { #expect(try await left.files(of: name) == (name == "old" ? old : new)) }
                try await left.bring(folder, as: "new")
                try ageLeftovers(of: root)
                try left.collect()
                #expect(try left.entries("incoming").isEmpty)
                #expect(try await Shelf(at: root).files(of: "new") == new)
            }
        }
    }

    @Test func `of a removal and a collection takes nothing that has a name`() async throws {
        try await onPool {
            let bench = try Bench()
            let kept = try ModelMaker.packed(tensors: 5, changed: 0..<2, seed: 1)
            let gone = try ModelMaker.packed(tensors: 5, changed: 0..<2, seed: 2).merging(
                ["large.safetensors": ModelMaker.small(seed: 4)["model.safetensors"] ?? []]
            ) { one, _ in one }
            try await bench.bring(gone, as: "gone")
            try await bench.bring(kept, as: "kept")
            try await Self.cutting(bench, seed: SeededNumbers.freshSeed()) {
                let plan = try #require(FaultPlan.current)
                try bench.shelf.remove("gone")
                let removed = plan.events.count
                #expect(try bench.shelf.collect(grace: .seconds(3600)).layers > 2)
                return ["removed": removed, "collected": plan.events.count]
            } check: { root, left, event, marks in
                #expect(try await left.damages().isEmpty, "after event \(event)")
                let names = try left.names()
                #expect(names.contains("kept"))
                if event >= marks["removed"] ?? 0 { #expect(names == ["kept"], "after event \(event)") }
                for name in names { #expect(try await left.files(of: name) == (name == "kept" ? kept : gone)) }
                try ageLeftovers(of: root)
                if names == ["kept"] {
                    try left.collect()
                    #expect(try left.entries("incoming").isEmpty)
                    // What one model brought and both need, and what the other brought.
                    #expect(try left.entries("packs").count == 2, "after event \(event)")
                    #expect(try left.entries("objects").isEmpty)
                    #expect(try await Shelf(at: root).files(of: "kept") == kept)
                }
            }
        }
    }

    @Test func `of a name that moves leaves the old record or the new one`() async throws {
        try await onPool {
            let bench = try Bench()
            let first = try await bench.bring(ModelMaker.packed(changed: 0..<2, seed: 1), as: "m")
            let second = try await bench.bring(ModelMaker.packed(changed: 0..<2, seed: 2), as: "n")
            try await Self.cutting(bench, seed: SeededNumbers.freshSeed()) {
                let plan = try #require(FaultPlan.current)
                let operation = try Operation(bench.shelf.store)
                try bench.shelf.store.update(ModelName("m"), in: operation) { old in
                    var record = old
                    record?.manifest = second
                    record?.isPinned = true
                    return record
                }
                return ["moved": plan.events.count]
            } check: { _, left, event, marks in
                let record = try #require(try left.store.record(of: ModelName("m")))
                #expect(record.manifest == (record.isPinned ? second : first))
                if event >= marks["moved"] ?? 0 { #expect(record.isPinned) }
                #expect(try left.names() == ["m", "n"])
            }
        }
    }
}
