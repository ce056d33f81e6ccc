import Model
import Platform
import Storage
import Support
import Synchronization
import Testing

/// Something happens before the first step of a process, then before the second, until none is left. The rule: a manifest that was
/// acknowledged has all its blobs.
@Suite struct `A collection of a bucket, between any two of whose steps` {
    private typealias World = CollectedWorld

    /// The world is made anew for each step. `body` says whether the step came.
    private func eachStep(
        stride: Int = 1, from first: Int = 0, _ make: (Int) throws -> World,
        after time: Duration = World.day + World.day,
        _ body: (World, Int) async throws -> Bool
    ) async throws -> Int {
        var number = first
        while true {
            let world = try make(number)
            try await world.begin(after: time)
            guard try await body(world, number) else { return number }
            number += stride
        }
    }

    private func eachStep(
        after time: Duration = World.day + World.day, _ body: (World, Int) async throws -> Bool
    ) async throws -> Int {
        try await eachStep({ _ in try .inMemory() }, after: time, body)
    }

    /// How a client pushes, and what else keeps its blobs than the manifest.
    enum Manner: CaseIterable {
        case asks
        /// It knows what is there.
        case doesNotAsk
        /// The same, and no mark keeps a blob.
        case hasNoGrace
    }

    private let blobs = [World.config, World.loose, Array("new".utf8)]

    private func pushes(
        _ world: World, _ number: Int, _ blobs: [[UInt8]], _ manner: Manner
    ) async throws -> (came: Bool, acknowledged: Bool) {
        let isAcknowledged = Mutex(false)
        let server = try world.server()
        let steps = Steps(at: number) {
            let pushed = (try? world.push(blobs, as: "v2", at: server, asks: manner == .asks)) ?? false
            isAcknowledged.withLock { $0 = pushed }
        }
        let collected = try #require(
            try await world.collect(
                world.storage.stepped(by: steps), grace: manner == .hasNoGrace ? .zero : World.day))
        try await world.check("step \(number)")
        let isThere = try await world.has(World.garbage)
        #expect(!isThere && collected.blobs >= 1, "step \(number)")
        // What was refused is pushed again, and the next collection leaves it.
        if !isAcknowledged.withLock({ $0 }) { #expect(try world.push(blobs, as: "v2", at: world.server())) }
        await world.time.pass(World.day + World.day)
        try await world.collect()
        try await world.check("after step \(number)")
        return (steps.isOver, isAcknowledged.withLock { $0 })
    }

    @Test(arguments: Manner.allCases) func `a push runs, keeps all its blobs`(_ manner: Manner) async throws {
        var refused = 0
        let blobs = manner == .asks ? blobs : [World.config, World.loose]
        let time = manner == .hasNoGrace ? Duration.seconds(3000) : World.day + World.day
        let count = try await eachStep(after: time) { world, number in
            let (came, acknowledged) = try await pushes(world, number, blobs, manner)
            if came, !acknowledged { refused += 1 }
            return came
        }
        // A push that asks is refused only while its blobs are claimed. Without a question it may lack a mark that was dropped.
        #expect(
            count > 40 && refused > 0 && refused < (manner == .doesNotAsk ? count : count / 2), "\(refused) of \(count)"
        )
    }

    @Test(arguments: [S3Stand.Engine.amazon, .ceph], Array(0..<7)) func `a push runs, keeps all its blobs in a bucket`(
        _ engine: S3Stand.Engine, first: Int
    ) async throws {
        let stand = try S3Stand(engine)
        let count = try await eachStep(stride: 7, from: first) { number in
            try .inBucket(stand, "step \(number)")
        } _: { world, number in
            try await pushes(world, number, blobs, .asks).came
        }
        #expect(count > 40)
    }

    @Test(arguments: [false, true]) func `takes its turn within a push, and all its blobs are kept`(
        _ isTimeNoticed: Bool
    ) async throws {
        var refused = 0
        let count = try await eachStep { world, number in
            let steps = Steps(at: number) { _ = try? await world.collect() }
            let timing = isTimeNoticed ? world.time.timing : world.time.standing
            let server = try world.server(world.storage.stepped(by: steps), timing: timing)
            let isAcknowledged = try await onPool { try world.push(blobs, as: "v2", at: server) }
            if steps.isOver, !isAcknowledged { refused += 1 }
            try await world.check("step \(number)")
            #expect(try world.push(blobs, as: "v2", at: world.server()), "step \(number)")
            try await world.check("after step \(number)")
            return steps.isOver
        }
        #expect(count > 20 && refused < count, "\(refused) of \(count)")
    }

    @Test func `it is killed, leaves nothing that a push misses, and the next ends its work`() async throws {
        let count = try await eachStep { world, number in
            let steps = Steps(killedAt: number)
            try await world.collect(world.storage.stepped(by: steps))
            let isPushed = try world.push(blobs, as: "v2", at: world.server())
            try await world.check("step \(number)")
            await world.time.pass(.seconds(Tombstone.wait + 1))
            if !isPushed { #expect(try world.push(blobs, as: "v2", at: world.server()), "step \(number)") }
            try await world.collect()
            try await world.check("after step \(number)")
            let isThere = try await world.has(World.garbage)
            let tombstones = try await world.storage.names(in: Tombstone.folder)
            #expect(!isThere && tombstones.isEmpty, "step \(number): \(tombstones)")
            return steps.isOver
        }
        #expect(count > 40)
    }

    @Test func `a push is killed, holds nothing back for longer than its marks are young`() async throws {
        let count = try await eachStep { world, number in
            let steps = Steps(killedAt: number)
            let server = try world.server(world.storage.stepped(by: steps))
            _ = try await onPool { try? world.push(blobs, as: "v2", at: server) }
            try await world.collect()
            try await world.check("step \(number)")
            #expect(try world.push(blobs, as: "v2", at: world.server()), "step \(number)")
            await world.time.pass(World.day + World.day)
            try await world.collect()
            try await world.check("after step \(number)")
            return steps.isOver
        }
        #expect(count > 20)
    }

    @Test(arguments: 0..<4) func `another is killed and a push runs, keeps all its blobs`(seed: UInt64) async throws {
        var random = SeededNumbers(seed: seed)
        for _ in 0..<40 {
            let (first, second, third) = (
                Int.random(in: 0..<80, using: &random), Int.random(in: 0..<80, using: &random),
                Int.random(in: 0..<40, using: &random)
            )
            let world = try World.inMemory()
            try await world.begin()
            let server = try world.server(world.storage.stepped(by: Steps(killedAt: third)))
            let steps = Steps(at: first) {
                _ = try? await world.collect(
                    world.storage.stepped(
                        by: Steps(at: second) { _ = try? world.push(blobs, as: "v2", at: world.server()) }))
                _ = try? world.push([World.config, World.garbage], as: "v3", at: server)
            }
            try await world.collect(world.storage.stepped(by: steps))
            try await world.check("steps \(first), \(second), \(third)")
            await world.time.pass(.seconds(Tombstone.wait + 1))
            #expect(try world.push(blobs, as: "v2", at: world.server()))
            try await world.collect()
            try await world.check("after steps \(first), \(second), \(third)")
        }
    }

    @Test func `another begins, both end, and what a push needs stays`() async throws {
        let count = try await eachStep { world, number in
            let other = Mutex(0)
            let steps = Steps(at: number) {
                let blobs = (try? await world.collect())??.blobs ?? -1
                other.withLock { $0 = blobs }
            }
            let own = try #require(try await world.collect(world.storage.stepped(by: steps)))
            #expect(other.withLock { $0 } >= 0, "step \(number)")
            try await world.check("step \(number)")
            await world.time.pass(.seconds(Tombstone.wait + 1))
            let rest = try #require(try await world.collect())
            #expect(own.blobs + other.withLock { $0 } + rest.blobs == 2, "step \(number)")
            #expect(try await world.areThere([World.garbage, World.loose]) == [false, false])
            return steps.isOver
        }
        #expect(count > 40)
    }
}
