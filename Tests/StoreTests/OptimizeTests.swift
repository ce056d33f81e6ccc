import Model
import Platform
import Support
import Testing
import Transfer

@testable import Store

@Suite struct `A family of models` {
    /// A base and fine-tunes of it: one large tensor, some small ones, one that all share.
    static func member(_ number: UInt64) -> ModelMaker.Files { members[Int(number)] }

    private static let members = (UInt64(0)..<4).map(make)

    private static func make(_ number: UInt64) -> ModelMaker.Files {
        func weights(_ count: Int, seed: UInt64) -> [UInt8] {
            let base = seededWeights(count, seed: seed)
            guard number > 0 else { return bf16(base) }
            return bf16(zip(base, seededWeights(count, seed: seed + 100 * number)).map { $0 + $1 / 300 })
        }
        let large = 530_000
        func part(_ name: String, _ bytes: [UInt8]) -> ModelMaker.Part {
            ModelMaker.Part(Tensor(name: ExactText(name), dtype: .bf16, shape: [UInt64(bytes.count / 2)]), bytes)
        }
        let parts =
            [part("embed", weights(large, seed: 1)), part("shared", bf16(seededWeights(5000, seed: 2)))]
            + (0..<3).map { part("layers.\($0)", weights(20_000, seed: 10 + $0)) }
        let file = (try? ModelMaker.safetensors(parts)) ?? []
        return ["model.safetensors": file, "config.json": Array("{\"member\": \(number)}\n".utf8)]
    }

    static func optimize(_ shelf: Shelf, _ names: String..., isDryRun: Bool = false) async throws -> Optimize.Report {
        var named = try shelf.store.names()
        if !names.isEmpty { named.removeAll { !names.contains($0.name.string) } }
        return try await Optimize(shelf.store, progress: Progress("optimize"), isDryRun: isDryRun)(named)
    }

    /// How many of the layers of a model are deltas.
    static func deltas(of name: String, in bench: Bench) throws -> Int {
        let store = try bench.other().store
        return try bench.shelf.layers(of: name).count { try store.find($0)?.base != nil }
    }

    static func expectAll(_ bench: Bench, _ count: UInt64) async throws {
        for number in 0..<count {
            #expect(try await bench.other().files(of: "\(number)") == member(number), "member \(number)")
        }
        #expect(try await bench.other().damages().isEmpty)
        // No base is a delta.
        let store = try bench.other().store
        let uses = try BaseUses(of: store)
        for base in uses.all { #expect(uses.bases(of: base).isEmpty) }
    }

    @Test func `is stored as deltas of the base, however it comes`() async throws {
        try await onPool {
            let bench = try Bench()
            for number in UInt64(0)..<3 { try await bench.bring(Self.member(number), as: "\(number)") }
            #expect(try Self.deltas(of: "0", in: bench) == 0)
            #expect(try Self.deltas(of: "1", in: bench) == 4 && Self.deltas(of: "2", in: bench) == 4)
            try await Self.expectAll(bench, 3)
        }
    }

    @Test func `is stored alike by one thread and by many`() async throws {
        var stored: [ModelMaker.Files] = []
        for threads in [1, 2, 5] {
            let bench = try Bench()
            let pool = BlockingPool(threads: threads)
            try await withTaskExecutorPreference(pool) {
                let store = try LocalStore(at: bench.root, pool: pool)
                for number in UInt64(0)..<3 {
                    let folder = try bench.folder(Self.member(number), "\(number)")
                    let found = try ImportPath(folder, name: ModelName("\(number)"), followingAllLinks: false)
                    _ = try await Import(into: store, progress: Progress("import"))(found.candidates[0])
                }
            }
            #expect(try Self.deltas(of: "2", in: bench) == 4)
            stored.append(
                try ModelMaker.read(bench.root).filter { ["objects", "packs"].contains($0.key.prefix { $0 != "/" }) })
        }
        #expect(stored.count == 3 && stored[0] == stored[1] && stored[1] == stored[2])
        #expect(stored[0].count > 3)
    }

    @Test func `is not when that is not wanted`() async throws {
        try await onPool {
            let bench = try Bench()
            for number in UInt64(0)..<2 {
                try await bench.shelf.bring(
                    bench.folder(Self.member(number), "\(number)"), as: "\(number)", bases: .none)
            }
            #expect(try Self.deltas(of: "1", in: bench) == 0)
        }
    }

    @Test func `is stored as deltas of the base that it names, though another is nearer`() async throws {
        try await onPool {
            let bench = try Bench()
            var stranger = Self.member(0)
            stranger["model.safetensors"] = Self.member(1)["model.safetensors"]
            for (name, files) in [("0", Self.member(0)), ("org%2Fnear", stranger)] {
                try await bench.shelf.bring(bench.folder(files, name), as: name == "0" ? "0" : "org/near", bases: .none)
            }
            var files = Self.member(1)
            let half = try #require(files["model.safetensors"]).count / 2
            files["model.safetensors"]?[half] ^= 1
            func base(_ files: ModelMaker.Files, _ name: String) async throws -> Digest? {
                try await bench.bring(files, as: name)
                return try bench.other().store.find(bench.layer("embed", of: name))?.base
            }
            #expect(try await base(files, "undeclared") == bench.layer("embed", of: "org/near").digest)
            try bench.shelf.remove("undeclared")
            try bench.shelf.collect()
            files["README.md"] = Array("---\nbase_model: somebody/0\n---\n".utf8)
            #expect(try await base(files, "declared") == bench.layer("embed", of: "0").digest)
        }
    }

    @Test func `is made smaller when its base came last, and the promise of that is kept`() async throws {
        try await onPool {
            let bench = try Bench()
            for number in UInt64(0)..<2 {
                try await bench.shelf.bring(
                    bench.folder(Self.member(1 - number), "\(1 - number)"), as: "\(1 - number)", bases: .none)
            }
            let promised = try await Self.optimize(bench.other(), isDryRun: true)
            #expect(try Self.deltas(of: "0", in: bench) + Self.deltas(of: "1", in: bench) == 0)
            let done = try await Self.optimize(bench.other())
            #expect(done.recoded == 4 && done.recoded == promised.recoded)
            #expect(done.after == promised.after && done.after < done.before / 2)
            #expect(try Self.deltas(of: "0", in: bench) + Self.deltas(of: "1", in: bench) == 4)
            try await Self.expectAll(bench, 2)
            #expect(try await Self.optimize(bench.other()).recoded == 0)
            // What was replaced is gone.
            #expect(try bench.other().collect().layers == 0)
            try await Self.expectAll(bench, 2)
        }
    }

    @Test(arguments: [1, 2]) func `gives up a base that only deltas need`(tunes: UInt64) async throws {
        try await onPool {
            let bench = try Bench()
            for number in 0...tunes { try await bench.bring(Self.member(number), as: "\(number)") }
            try bench.shelf.remove("0")
            try bench.other().collect()
            let before = try bench.other().store.remains().objects
            let promised = try await bench.other().store.rebase(isDryRun: true)
            let rebased = try await bench.other().store.rebase(isDryRun: false)
            #expect(rebased.bases == promised.bases && rebased.deltas == promised.deltas && !rebased.bases.isEmpty)
            _ = try bench.other().store.collect(
                grace: .seconds(86_400), isDryRun: false, evenIfNothingIsNamed: false, released: rebased.bases)
            #expect(try bench.other().store.remains().objects < before)
            for number in 1...tunes {
                #expect(try await bench.other().files(of: "\(number)") == Self.member(number))
            }
            #expect(try await bench.other().damages().isEmpty)
        }
    }

    @Test func `loses nothing to two who optimize it while gc and imports go on`() async throws {
        try await onPool {
            let bench = try Bench()
            let count = UInt64(4)
            for number in 0..<count {
                try bench.folder(Self.member(number), "\(number)")
                try await bench.shelf.bring(bench.scratch["folder-\(number)"], as: "\(number)", bases: .none)
            }
            let isDone = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask(executorPreference: testPool) {
                    while !isDone.isRaised {
                        try bench.other().collect()
                        await Task.yield()
                    }
                }
                try await withThrowingTaskGroup(of: Void.self) { work in
                    for index in 0..<2 {
                        work.addTask(executorPreference: testPool) {
                            for _ in 0..<2 {
                                _ = try await Self.optimize(bench.other(), "\(index)", "\(3 - index)")
                                _ = try await bench.other().store.rebase(isDryRun: false)
                            }
                        }
                    }
                    work.addTask(executorPreference: testPool) {
                        for round in 0..<6 {
                            let name = "\(UInt64(round) % count)"
                            let shelf = try bench.other()
                            try shelf.remove(name)
                            if round % 2 == 0 { try shelf.collect() }
                            try await shelf.bring(
                                bench.scratch["folder-" + name], as: name, bases: round % 3 == 0 ? .none : .found)
                        }
                    }
                    defer { isDone.raise() }
                    try await work.waitForAll()
                }
                try await group.waitForAll()
            }
            try await Self.expectAll(bench, count)
            try bench.other().collect()
            try await Self.expectAll(bench, count)
        }
    }

    struct Subject {
        let scratch: Scratch
        init(_ template: Bench) throws {
            scratch = try Scratch()
            try Bend.copy(template.root, to: scratch["store"])
        }
        var root: String { scratch["store"] }
    }

    @Test(arguments: Fault.allCases) func `is what it was or smaller, whichever call fails`(fault: Fault) async throws {
        try await onPool {
            let template = try Bench()
            func small(_ number: UInt64) throws -> ModelMaker.Files {
                let base = seededWeights(3000, seed: 5)
                let weights = zip(base, seededWeights(3000, seed: 6 + number)).map { $0 + $1 / 300 * Float(number) }
                let tensor = Tensor(name: "layers.0", dtype: .bf16, shape: [3000])
                return ["model.safetensors": try ModelMaker.safetensors([.init(tensor, bf16(weights))])]
            }
            for number in UInt64(0)..<2 {
                try await template.shelf.bring(
                    template.folder(small(number), "\(number)"), as: "\(number)", bases: .none)
            }
            var seen: Set<[String]> = []
            try await countingFaults(fault) {
                try Subject(template)
            } work: { subject in
                try await Self.optimize(Shelf(at: subject.root))
            } check: { subject, reported, nth in
                let after = try Shelf(at: subject.root)
                let incoming = try after.entries("incoming").count
                // Most calls only look: a store that was checked is not checked again.
                let state = try after.entries("packs") + after.entries("index-2") + ["\(incoming) \(reported == nil)"]
                guard seen.insert(state).inserted || nth % 40 == 0 else { return }
                for number in UInt64(0)..<2 {
                    #expect(try await Shelf(at: subject.root).files(of: "\(number)") == small(number), "call \(nth)")
                }
                try ageLeftovers(of: subject.root)
                try Shelf(at: subject.root).collect()
                let shelf = try Shelf(at: subject.root)
                if reported?.damaged == 0 { #expect(try BaseUses(of: shelf.store).all.count == 1, "call \(nth)") }
                #expect(try await shelf.damages().isEmpty, "call \(nth)")
                for number in UInt64(0)..<2 { #expect(try await shelf.files(of: "\(number)") == small(number)) }
            }
        }
    }
}
