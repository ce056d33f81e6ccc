import Model
import Platform
import Support
import Testing
import Transfer

@testable import Store

@Suite struct `A store of many models` {
    /// Small tensors alone; every model has the same ones by name, type and shape.
    private static func tiny(_ number: Int, tuned: Bool = false, tensors: Int = 6) throws -> ModelMaker.Files {
        let parts = (0..<tensors).map { index in
            let pair = Training.noise.pair(600, .bf16, seed: UInt64(1000 * number + index))
            return ModelMaker.Part(
                Tensor(name: ExactText("layers.\(index).weight"), dtype: .bf16, shape: [600]),
                tuned ? pair.plain : pair.base)
        }
        return ["model.safetensors": try ModelMaker.safetensors(parts)]
    }

    private static func fill(_ bench: Bench, _ numbers: Range<Int>) async throws {
        for number in numbers { try await bench.bring(tiny(number), as: "m\(number)", into: bench.other()) }
    }

    @Test func `keeps its index in few files, and finds every layer and base in them`() async throws {
        try await onPool {
            let bench = try Bench()
            for number in 0..<40 {
                try await bench.bring(
                    Self.tiny(number / 2, tuned: number % 2 == 1), as: "m\(number)", into: bench.other())
                #expect(try bench.shelf.entries("index-2").count <= LocalStore.mostIndexes)
            }
            let now = try bench.other()
            for number in stride(from: 1, to: 40, by: 2) {
                #expect(try await now.files(of: "m\(number)") == Self.tiny(number / 2, tuned: true))
            }
            let bases = try BaseUses(of: now.store)
            #expect(try now.store.indexedBases() == bases.all && bases.all.count > 100)
            for number in stride(from: 0, to: 40, by: 2) { try now.remove("m\(number)") }
            try now.collect()
            #expect(try await bench.other().files(of: "m39") == Self.tiny(19, tuned: true))
            #expect(try await bench.other().damages().isEmpty)
        }
    }

    @Test func `merges its index whichever call fails, and loses no layer`() async throws {
        try await onPool {
            var isMerged = false
            for nth in 1... {
                let bench = try Bench()
                for number in 0..<LocalStore.mostIndexes {
                    try await bench.bring(Self.tiny(number, tensors: 1), as: "m\(number)", into: bench.other())
                }
                // One more, which some of these calls belong to.
                let store = try bench.other().store
                let operation = try Operation(store)
                _ = try bench.stage([Array("one more".utf8)], in: operation)
                _ = try operation.publishAll(isReplacing: false)
                let plan = FaultPlan(failing: nth)
                FaultPlan.$current.withValue(plan) { store.mergeIndexes(in: operation) }
                let other = try bench.other()
                for number in 0..<LocalStore.mostIndexes {
                    #expect(try await other.files(of: "m\(number)") == Self.tiny(number, tensors: 1), "call \(nth)")
                }
                isMerged = try bench.shelf.entries("index-2").count <= LocalStore.mostIndexes
                if !plan.hasFired { break }
            }
            #expect(isMerged)
        }
    }

    /// Calls of the machine for an import of a tune of the first model.
    private static func calls(beside count: Int) async throws -> Int {
        let bench = try Bench()
        try await fill(bench, 0..<count)
        // Their summaries are made now, once.
        try await bench.bring(tiny(0, tuned: true), as: "first", into: bench.other())
        let files = try tiny(1, tuned: true)
        try bench.folder(files, "tune")
        let plan = FaultPlan.recorder()
        try await FaultPlan.$current.withValue(plan) { try await bench.bring(files, as: "tune", into: bench.other()) }
        return plan.calls
    }

    @Test func `is asked for little more by an import when it has more models`() async throws {
        try await onPool {
            let (few, many) = (try await Self.calls(beside: 35), try await Self.calls(beside: 95))
            // Of each model its name is read, with four calls, and its pack is looked at when the index is read or merged.
            #expect(many - few <= 60 * 10, "\(few) calls beside 35 models, \(many) beside 95")
        }
    }

    @Test(arguments: ["flipped", "cut", "empty", "removed", "a folder"])
    func `finds the same bases when the summaries are damaged, and makes them again`(damage: String) async throws {
        try await onPool {
            let bench = try Bench()
            try await Self.fill(bench, 0..<4)
            try await bench.bring(Self.tiny(0, tuned: true), as: "first", into: bench.other())
            let path = bench.root + "/summaries-2/models"
            let whole = try Disk.read(path, limit: 1 << 20)
            switch damage {
            case "flipped": try Bend.flip(path, at: 60)
            case "cut": try Bend.cut(path, to: whole.count - 40)
            case "empty": try Bend.cut(path, to: 0)
            case "removed": try Bend.remove(bench.root + "/summaries-2")
            default:
                try Bend.remove(path)
                try Bend.makeFolder(path + "/in")
            }
            for number in 1..<4 {
                try await bench.bring(Self.tiny(number, tuned: true), as: "t\(number)", into: bench.other())
                let store = try bench.other().store
                for index in 0..<6 {
                    let name = "layers.\(index).weight"
                    let base = try bench.layer(name, of: "m\(number)").digest
                    #expect(try store.find(bench.layer(name, of: "t\(number)"))?.base == base, "\(name) of \(number)")
                }
            }
            guard damage != "a folder" else { return }
            let bytes = try Disk.read(path, limit: 1 << 20)
            let summaries = ManifestSummaryFile.decode(bytes.span)
            #expect(summaries?.count == 7)
        }
    }

    @Test func `keeps whole summaries while two commands search it at once, and drops those of collected models`()
        async throws
    {
        try await onPool {
            let bench = try Bench()
            try await Self.fill(bench, 0..<3)
            for round in 0..<4 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<3 {
                        let shelf = try bench.other()
                        group.addTask(executorPreference: testPool) {
                            let files = try Self.tiny(100 * round + number, tuned: true)
                            try await bench.bring(files, as: "r\(round)-\(number)", into: shelf)
                        }
                    }
                    try await group.waitForAll()
                }
                let bytes = try Disk.read(bench.root + "/summaries-2/models", limit: 1 << 20)
                let decoded = ManifestSummaryFile.decode(bytes.span)
                let found = try #require(decoded)
                for (digest, summary) in found {
                    #expect(try ManifestSummary(of: bench.shelf.store.manifest(digest), called: digest) == summary)
                }
            }
            for number in 0..<3 { try bench.shelf.remove("m\(number)") }
            try bench.shelf.collect()
            try await bench.bring(Self.tiny(50), as: "last", into: bench.other())
            let bytes = try Disk.read(bench.root + "/summaries-2/models", limit: 1 << 20)
            let left = ManifestSummaryFile.decode(bytes.span)
            let here = Set(try bench.shelf.store.manifestDigests())
            #expect(try #require(left).keys.allSatisfy(here.contains))
        }
    }

    @Test func `leaves summaries of another shape alone`() async throws {
        try await onPool {
            let bench = try Bench()
            try ModelMaker.write(["models": [1, 2, 3]], to: bench.root + "/summaries-3")
            try await Self.fill(bench, 0..<2)
            try bench.shelf.remove("m0")
            try bench.shelf.collect()
            #expect(try ModelMaker.read(bench.root + "/summaries-3") == ["models": [1, 2, 3]])
        }
    }
}
