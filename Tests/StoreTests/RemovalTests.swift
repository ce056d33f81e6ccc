import Model
import Platform
import Support
import Testing
import Transfer

@testable import Store

/// What `cake rm` says that `cake gc` can free, what `gc` then frees, and what stays as bases of deltas.
@Suite struct `The numbers of a removal` {
    private typealias Members = `A family of models`

    struct Case: Sendable, CustomTestStringConvertible {
        let removed: [String]
        /// Whether layers of the removed models stay.
        let leavesBases: Bool
        var testDescription: String { "rm \(removed.joined(separator: " "))" }
    }

    static let cases = [
        Case(removed: ["0"], leavesBases: true), Case(removed: ["1"], leavesBases: false),
        Case(removed: ["0", "1"], leavesBases: true), Case(removed: ["1", "2"], leavesBases: false),
        Case(removed: ["0", "1", "2"], leavesBases: true), Case(removed: ["copy"], leavesBases: false),
        Case(removed: ["other"], leavesBases: false), Case(removed: ["0", "other"], leavesBases: true),
    ]

    /// A base, two tunes of it, the first tune under a second name, and a model that has nothing to do with them.
    private static func bench() async throws -> Bench {
        let bench = try Bench()
        for number in UInt64(0)..<3 { try await bench.bring(Members.member(number), as: "\(number)") }
        try await bench.bring(Members.member(1), as: "copy")
        try await bench.bring(ModelMaker.small(seed: 77), as: "other")
        return bench
    }

    @Test(arguments: cases) func `add up`(_ one: Case) async throws {
        try await onPool {
            let bench = try await Self.bench()
            let named = try one.removed.map { try bench.shelf.store.find($0) }
            let before = try Usage(of: bench.other().store)
            for model in before.models { #expect(model.atRest == model.alone + model.shared) }
            let told = try bench.other().store.removal(of: named)
            // Nothing is gone by that.
            #expect(try bench.other().store.removal(of: []).freed == 0)
            for name in one.removed { try bench.shelf.remove(name) }
            let after = try Usage(of: bench.other().store)
            #expect(told.stays == after.bases && (told.stays > 0) == one.leavesBases)
            let promised = try bench.other().collect(grace: LocalStore.usualGrace, isDryRun: true, isForced: true)
            #expect(promised.bytes == told.freed && promised.keptBaseBytes == told.stays)
            #expect(promised.keptBases == told.layersStaying)
            let objects = try bench.other().store.remains().objects
            let done = try bench.other().collect(grace: LocalStore.usualGrace, isForced: true)
            #expect(done.bytes == told.freed && done.layers == promised.layers)
            #expect(done.keptBaseBytes == told.stays && done.keptBases == told.layersStaying)
            // What models took before is what they take now, and what is gone.
            #expect(try before.atRest - after.atRest == objects - bench.other().store.remains().objects)
            #expect(try bench.other().store.remains().objects == after.atRest)
            if one.removed.count == 1,
                let model = before.models.first(where: { $0.named.name.string == one.removed[0] })
            {
                #expect(before.atRest - after.atRest == model.alone && told.stays <= model.shared)
            }
        }
    }

    @Test(arguments: [["0"], ["0", "1"], ["1"]]) func `are kept by gc --rebase, too`(removed: [String]) async throws {
        try await onPool {
            let bench = try await Self.bench()
            for name in removed { try bench.shelf.remove(name) }
            var promised = try bench.other().collect(grace: LocalStore.usualGrace, isDryRun: true)
            promised.add(try await bench.other().store.rebase(isDryRun: true))
            var done = try bench.other().collect(grace: LocalStore.usualGrace)
            let before = try bench.other().store.remains().objects
            let rebased = try await bench.other().store.rebase(isDryRun: false)
            _ = try bench.other().store.collect(
                grace: LocalStore.usualGrace, isDryRun: false, evenIfNothingIsNamed: false, released: rebased.bases)
            done.add(rebased)
            #expect(done.bytes == promised.bytes && done.layers == promised.layers)
            #expect(done.keptBases == promised.keptBases && done.keptBaseBytes == promised.keptBaseBytes)
            #expect(try before - bench.other().store.remains().objects == rebased.bytes)
            #expect(try bench.other().collect().keptBaseBytes == done.keptBaseBytes)
            #expect(rebased.bases.isEmpty != removed.contains("0"))
            for name in ["0", "1", "2", "copy"] where !removed.contains(name) {
                #expect(try await bench.other().files(of: name) == Members.member(UInt64(name) ?? 1))
            }
            #expect(try await bench.other().damages().isEmpty)
        }
    }
}
