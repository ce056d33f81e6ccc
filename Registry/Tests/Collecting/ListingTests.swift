import Model
import Platform
import Storage
import Support
import Synchronization
import Testing

/// A storage that does not say all that it has, and values that cannot be read.
@Suite struct `A collection of a bucket that is told less than there is` {
    private typealias World = CollectedWorld

    private func world() async throws -> World {
        let world = try World.inMemory()
        try await world.begin()
        return world
    }

    @Test func `keeps what is pushed between any two of its steps, when listings are nine minutes late`() async throws {
        var number = 0
        while true {
            let world = try await world()
            let server = try world.server()
            let steps = Steps(at: number) {
                _ = try? world.push([World.config, World.loose], as: "v2", at: server)
            }
            let listed = world.storage.lagging(540) { await world.now }
            try await world.collect(listed.stepped(by: steps))
            try await world.check("step \(number)")
            guard steps.isOver else { break }
            number += 1
        }
        #expect(number > 40)
    }

    @Test func `keeps what a tag, an index or a referrer leads to, when a listing lacks the manifest`() async throws {
        let world = try await world()
        let hidden = sha256(Array(image(config: World.config, layers: [World.live]).utf8))
        try await world.collect(world.storage.listing { !$0.hasSuffix(hidden.fileName) })
        try await world.check("a tag")
        // The same manifest by an index alone.
        let server = try world.server()
        let index = Array(
            #"{"schemaVersion":2,"manifests":[{"mediaType":"\#(RegistryManifest.image)","digest":"\#(hidden)","size":1}]}"#
                .utf8)
        let stored = RegistryStore.StoredManifest(name: sha256(index), mediaType: RegistryManifest.index, bytes: index)
        #expect(
            try server.put(
                RegistryManifest(parsing: index.span), stored, tags: [try #require(TagName("all"))],
                in: World.repository) == nil)
        #expect(try server.remove(.tag(try #require(TagName("v1"))), from: World.repository))
        await world.time.pass(World.day + World.day)
        try await world.collect(world.storage.listing { !$0.hasSuffix(hidden.fileName) })
        #expect(try await world.has(World.live))
        try await world.collect()
        #expect(try await world.has(World.live))
    }

    @Test func `refuses a listing without repositories, and one that lacks many manifests`() async throws {
        let world = try await world()
        let none = await #expect(throws: CakeError.self) {
            try await world.collect(world.storage.listing { !$0.hasPrefix("repositories/") })
        }
        #expect(none?.fix?.contains("--force") == true)
        let server = try world.server()
        for number in 0..<5 {
            #expect(try world.push([World.config, Array("layer \(number)".utf8)], as: "n\(number)", at: server))
        }
        await world.time.pass(World.day + World.day)
        let few = await #expect(throws: CakeError.self) {
            try await world.collect(world.storage.listing { !$0.contains("/manifests/") })
        }
        #expect(few?.what.contains("lack 6 of 6 manifests") == true)
        try await world.check("after refusals")
        #expect(try await world.has(World.garbage))
        #expect(try await world.storage.names(in: Tombstone.folder).isEmpty)
    }

    @Test(arguments: ["manifests/sha256-\(String(repeating: "0", count: 64))", "tags/broken"])
    func `stops at what it cannot read, removes nothing, and names the key`(_ key: String) async throws {
        let world = try await world()
        try await world.storage.set(Array("no".utf8), at: "repositories/a+b/" + key)
        let error = await #expect(throws: CakeError.self) { try await world.collect() }
        #expect(error?.kind == .damaged && error?.what.contains(key) == true && error?.fix != nil)
        #expect(try await world.has(World.garbage))
    }

    @Test func `gives its claims back when it cannot read everything again`() async throws {
        let world = try await world()
        let broken = "repositories/a+b/tags/broken"
        // When it has read everything once.
        let storage = world.storage
        let timing = StorageTiming(now: world.time.timing.now) { time in
            await world.time.pass(time)
            try await storage.set(Array("no".utf8), at: broken)
        }
        let collection = storage.collection(timing, .init(grace: World.day))
        await #expect(throws: CakeError.self) { try await collection() }
        #expect(try await world.has(World.garbage))
        #expect(try await world.storage.names(in: Tombstone.folder).isEmpty)
    }

    @Test func `looks again for a manifest that is listed and not there`() async throws {
        let world = try await world()
        let isAsked = Mutex(false)
        let late = world.storage.finding { key in
            guard key.contains("/manifests/") else { return true }
            return isAsked.withLock { asked in
                defer { asked = true }
                return asked
            }
        }
        try await world.collect(late)
        try await world.check("a value that came late")
        #expect(isAsked.withLock { $0 })
    }
}
