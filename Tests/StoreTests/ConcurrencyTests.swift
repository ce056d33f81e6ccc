import Model
import Platform
import Support
import Synchronization
import Testing

@testable import Store

@Suite struct `Commands beside each other` {
    @Test func `do not count on a pack that another has removed`() async throws {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.packed(changed: 0..<4, seed: 1)
            try await bench.bring(files, as: "m")
            let other = try bench.other()
            try bench.shelf.remove("m")
            try bench.shelf.collect()
            // What the other one knows of the store is old by now.
            try await bench.bring(files, as: "m", into: other)
            #expect(try await bench.other().files(of: "m") == files)
        }
    }

    @Test func `find a layer whose pack was written again`() async throws {
        try await onPool {
            let bench = try Bench()
            let first = try ModelMaker.packed(changed: 0..<2, seed: 1)
            try await bench.bring(first, as: "first")
            try await bench.bring(ModelMaker.packed(changed: 0..<2, seed: 2), as: "second")
            let other = try bench.other()
            try bench.shelf.remove("first")
            try bench.shelf.collect()
            let shared = try bench.layer("layers.3.weight", of: "second")
            #expect(try other.store.contains(shared))
            let operation = try Operation(other.store)
            #expect(try operation.claim([shared]) == [.here])
        }
    }

    @Test func `bring the same family at once`() async throws {
        try await onPool {
            let bench = try Bench()
            let family = try (UInt64(0)..<3).map { try ModelMaker.small(seed: $0) }
            for (index, files) in family.enumerated() { try bench.folder(files, "\(index)") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for round in 0..<2 {
                    let shelf = try bench.other()
                    for index in family.indices {
                        group.addTask(executorPreference: testPool) {
                            try await shelf.bring(bench.scratch["folder-\(index)"], as: "\(index)-\(round)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            try bench.shelf.collect()
            let shelf = try bench.other()
            for (index, files) in family.enumerated() {
                for round in 0..<2 { #expect(try await shelf.files(of: "\(index)-\(round)") == files) }
            }
            #expect(try await shelf.damages().isEmpty)
        }
    }

    @Test func `lose nothing to collections that never stop`() async throws {
        try await onPool {
            let bench = try Bench()
            let family = try (UInt64(0)..<3).map { try ModelMaker.packed(tensors: 6, changed: 0..<3, seed: $0 + 1) }
            let kept = try ModelMaker.small(seed: 9)
            try await bench.bring(kept, as: "kept")
            for (index, files) in family.enumerated() { try bench.folder(files, "\(index)") }
            let isDone = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask(executorPreference: testPool) {
                        let shelf = try bench.other()
                        while !isDone.isRaised {
                            try shelf.collect()
                            await Task.yield()
                        }
                    }
                }
                group.addTask(executorPreference: testPool) {
                    let shelf = try bench.other()
                    for _ in 0..<15 { #expect(try await shelf.files(of: "kept") == kept) }
                }
                try await withThrowingTaskGroup(of: Void.self) { imports in
                    for (index, files) in family.enumerated() {
                        imports.addTask(executorPreference: testPool) {
                            let shelf = try bench.other()
                            for round in 0..<6 {
                                try await shelf.bring(bench.scratch["folder-\(index)"], as: "\(index)")
                                let found = try await shelf.files(of: "\(index)")
                                #expect(found == files, "round \(round)")
                                try shelf.remove("\(index)")
                            }
                        }
                    }
                    defer { isDone.raise() }
                    try await imports.waitForAll()
                }
                try await group.waitForAll()
            }
            try bench.shelf.collect()
            #expect(try bench.shelf.entries("incoming").isEmpty)
            #expect(try await bench.other().damages().isEmpty)
            #expect(try bench.shelf.entries("packs").count == 1)
        }
    }

    @Test func `keep what a running one has claimed, without any grace`() async throws {
        try await onPool {
            let bench = try Bench()
            let old = try ModelMaker.packed(changed: 0..<2, seed: 1)
            try await bench.bring(old, as: "old")
            try await bench.bring(ModelMaker.packed(changed: 0..<2, seed: 2), as: "stays")
            let layer = try bench.layer("layers.0.weight", of: "old")
            var operation: Operation? = try Operation(bench.shelf.store)
            #expect(try operation?.claim([layer]) == [.here])
            let staged = try bench.stage([Array("new".utf8)], in: try #require(operation))
            try operation?.publish()
            try bench.shelf.remove("old")
            try bench.other().collect()
            #expect(try bench.other().store.contains(layer))
            #expect(try bench.other().store.contains(staged[0]))
            #expect(try bench.shelf.entries("incoming").count == 1)
            operation = nil
            try bench.other().collect()
            #expect(try !bench.other().store.contains(layer))
            #expect(try !bench.other().store.contains(staged[0]))
        }
    }

    @Test func `keep a model that a running one holds, though its name is gone`() async throws {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.small()
            let manifest = try await bench.bring(files, as: "m")
            try await bench.bring(ModelMaker.packed(changed: 0..<2, seed: 2), as: "stays")
            let operation = try Operation(bench.shelf.store)
            try operation.hold(manifest: manifest)
            try bench.shelf.remove("m")
            try bench.other().collect()
            try bench.other().store.update(ModelName("again"), in: operation) { _ in NameRecord(manifest: manifest) }
            #expect(try await bench.other().files(of: "again") == files)
        }
    }

    @Test func `clear away what dead ones left, and leave the living alone`() async throws {
        try await onPool {
            let bench = try Bench()
            let living = try Operation(bench.shelf.store)
            let plan = FaultPlan(failing: 12, .diesThere)
            FaultPlan.$current.withValue(plan) {
                let dying = try? Operation(bench.shelf.store)
                _ = try? bench.stage([Array("never".utf8)], in: #require(dying))
            }
            #expect(plan.hasFired)
            #expect(try bench.shelf.entries("incoming").count == 2)
            _ = try Operation(bench.shelf.store)
            #expect(try bench.shelf.entries("incoming").count == 1)
            withExtendedLifetime(living) {}
        }
    }

    @Test func `believe no lease that was cut short`() async throws {
        try await onPool {
            let bench = try Bench()
            let operation = try Operation(bench.shelf.store)
            let whole = try Disk.read(bench.only("incoming") + "/lease", limit: 4096)
            let digits = whole.dropLast().reversed().prefix { $0 != UInt8(ascii: " ") }.count
            withExtendedLifetime(operation) {}
            // Whatever is left of the process's number is the number of another.
            for count in (whole.count - 1 - digits)..<whole.count {
                let left = bench.root + "/incoming/operation-\(count)"
                try ModelMaker.write(["lease": Array(whole.prefix(count))], to: left)
                _ = try Operation(bench.shelf.store)
                #expect(try !Disk.exists(left), "cut to \(count)")
            }
        }
    }

    @Test func `remove the same leftovers at once`() async throws {
        try await onPool {
            let bench = try Bench()
            for round in 0..<60 {
                for number in 0..<5 {
                    let folder = bench.root + "/incoming/operation-left\(number)"
                    try Bend.makeFolder(folder + "/deeper")
                    for file in 0..<10 { try ModelMaker.write(["\(file)": [1]], to: folder + "/deeper") }
                    try Bend.age(folder, seconds: 7200)
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask(executorPreference: testPool) { _ = try Operation(bench.shelf.store) }
                    }
                    try await group.waitForAll()
                }
                #expect(try bench.shelf.entries("incoming").isEmpty, "round \(round)")
            }
        }
    }
}

/// Raised once, seen by all.
final class Flag: Sendable {
    private let value = Atomic(false)

    func raise() { value.store(true, ordering: .releasing) }
    var isRaised: Bool { value.load(ordering: .acquiring) }
}
