import Model
import Platform
import Storage
import Support
import Synchronization
import Testing

@Suite struct `A push that crosses a collection of a bucket` {
    private typealias World = CollectedWorld

    private let blobs = [World.config, World.loose, Array("new".utf8)]

    /// A push begins before a step of the collection, and stands still before one of its own until the collection has ended.
    @Test func `keeps all its blobs, when it begins within one and ends after it`() async throws {
        let world = try World.inMemory()
        try await world.begin()
        let whole = Steps(killedAt: .max - 1)
        try await world.collect(world.storage.stepped(by: whole))
        var (pairs, refused) = (0, 0)
        // From the claims on.
        for number in stride(from: whole.count - 22, to: whole.count, by: 4) {
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
        #expect(pairs > 100 && refused > 0 && refused < pairs, "\(refused) of \(pairs)")
    }

    /// The collection has read everything before the manifest is put, and removes the blob after the manifest's request has begun its
    /// last look. Its first look was more than ten minutes ago, and its mark is no reason to keep the blob.
    @Test func `is refused its manifest when a blob goes within the last look`() async throws {
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
}
