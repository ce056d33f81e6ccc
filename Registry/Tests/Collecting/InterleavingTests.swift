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
        _ body: (World, Int) async throws -> Bool
    ) async throws -> Int {
        var number = first
        while true {
            let world = try make(number)
            try await world.begin()
            guard try await body(world, number) else { return number }
            number += stride
        }
    }

    private func eachStep(_ body: (World, Int) async throws -> Bool) async throws -> Int {
        try await eachStep({ _ in try .inMemory() }, body)
    }

    private let blobs = [World.config, World.loose, Array("new".utf8)]

    private func pushes(
        _ world: World, _ number: Int, _ blobs: [[UInt8]], asks: Bool = true
    ) async throws -> (came: Bool, acknowledged: Bool) {
        let isAcknowledged = Mutex(false)
        let server = try world.server()
        let steps = Steps(at: number) {
            let pushed = (try? world.push(blobs, as: "v2", at: server, asks: asks)) ?? false
            isAcknowledged.withLock { $0 = pushed }
        }
        let collected = try #require(try await world.collect(world.storage.stepped(by: steps)))
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

    @Test(arguments: [true, false]) func `a push runs, keeps all its blobs`(_ asks: Bool) async throws {
        var refused = 0
        let blobs = asks ? blobs : [World.config, World.loose]
        let count = try await eachStep { world, number in
            let (came, acknowledged) = try await pushes(world, number, blobs, asks: asks)
            if came, !acknowledged { refused += 1 }
            return came
        }
        // Who asks is refused only while its blobs are claimed. Who does not ask may lack a mark that was dropped.
        #expect(count > 40 && refused > 0 && refused < (asks ? count / 2 : count), "\(refused) of \(count)")
    }

    @Test(arguments: [S3Stand.Engine.amazon, .ceph], Array(0..<7)) func `a push runs, keeps all its blobs in a bucket`(
        _ engine: S3Stand.Engine, first: Int
    ) async throws {
        let stand = try S3Stand(engine)
        let count = try await eachStep(stride: 7, from: first) { number in
            try .inBucket(stand, "step \(number)")
        } _: { world, number in
            try await pushes(world, number, blobs).came
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

    /// A push begins before a step of the collection, and stands still before one of its own until the collection has ended.
    @Test func `a push begins that ends after it, keeps all its blobs`() async throws {
        let world = try World.inMemory()
        try await world.begin()
        let whole = Steps(killedAt: .max - 1)
        try await world.collect(world.storage.stepped(by: whole))
        var (pairs, refused) = (0, 0)
        // From the claims on.
        for number in stride(from: whole.count - 25, to: whole.count, by: 2) {
            for step in 0... {
                let world = try World.inMemory()
                try await world.begin()
                let (stands, ended) = (Signal(), Signal())
                let own = Steps(at: step) {
                    stands.set()
                    await ended.wait()
                }
                let server = try world.server(world.storage.stepped(by: own))
                let push = Mutex<Task<Bool, Never>?>(nil)
                let steps = Steps(at: number) {
                    let task = Task(executorPreference: Stage.pool) {
                        defer { stands.set() }
                        return (try? world.push(blobs, as: "v2", at: server)) ?? false
                    }
                    push.withLock { $0 = task }
                    await stands.wait()
                }
                try await world.collect(world.storage.stepped(by: steps))
                ended.set()
                if await push.withLock({ $0 })?.value == false { refused += 1 }
                pairs += 1
                try await world.check("steps \(number) and \(step)")
                guard own.isOver else { break }
            }
        }
        #expect(pairs > 150 && refused > 0 && refused < pairs, "\(refused) of \(pairs)")
    }

    /// The collection has read everything before the manifest is put, and removes the blob after the manifest's request has begun its
    /// last look. Its first look was more than ten minutes ago, and its mark is no reason to keep the blob.
    @Test func `a manifest is put, is refused it when its blob goes within the last look`() async throws {
        let world = try World.inMemory()
        try await world.begin(after: .seconds(5400))
        let (decides, mayEnd, ended) = (Signal(), Signal(), Signal())
        let looks = Mutex(0)
        let collected = world.storage.before { key throws(CakeError) in
            guard key == RegistryKeys().blob(World.loose) else { return }
            let count = looks.withLock { looks in
                looks += 1
                return looks
            }
            // The first look was for candidates.
            guard count == 2 else { return }
            decides.set()
            await mayEnd.wait()
        }
        let manifest = World.manifest([World.config, World.loose]).name.fileName
        let tombstone = Tombstone.key(of: try #require(sha256(World.loose).sha256))
        let isPut = Mutex(false)
        let pushed = world.storage.before { key throws(CakeError) in
            if key.hasSuffix("manifests/" + manifest), !isPut.withLock({ $0 }) {
                isPut.withLock { $0 = true }
                await world.time.pass(.seconds(5))
                Task(executorPreference: Stage.pool) {
                    defer { ended.set() }
                    _ = try? await world.collect(collected, grace: .zero)
                }
                await decides.wait()
            } else if key == tombstone, isPut.withLock({ $0 }) {
                mayEnd.set()
                await ended.wait()
            }
        }
        let server = try world.server(pushed, timing: world.time.standing)
        let isAcknowledged = try await onPool {
            try world.push([World.config, World.loose], as: "v2", at: server, asks: false)
        }
        let isThere = try await world.has(World.loose)
        #expect(!isAcknowledged && !isThere)
        try await world.check("after it")
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
