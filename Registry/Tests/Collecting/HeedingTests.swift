import Model
import Network
import Platform
import Server
import Storage
import Support
import Synchronization
import Testing

/// What a server over another storage says of a blob that has a tombstone.
@Suite struct `A tombstone of a collection` {
    private typealias World = CollectedWorld

    enum State: CaseIterable {
        case none, waiting, deleting
        /// Claimed by a collection that was killed.
        case left
    }

    enum Route: CaseIterable {
        case head, get, mount, upload, manifest
    }

    enum Place: CaseIterable { case memory, amazon, ceph }

    private func world(_ place: Place) throws -> CollectedWorld {
        switch place {
        case .memory: try .inMemory()
        case .amazon: try .inBucket(S3Stand(.amazon), "registry")
        case .ceph: try .inBucket(S3Stand(.ceph), "registry")
        }
    }

    /// The status of each answer, and whether the tombstone is still there.
    private func outcome(_ route: Route, _ state: State) -> (status: Int, isBuried: Bool) {
        switch (route, state) {
        case (.get, .none): (200, false)
        case (.get, _): (200, true)
        case (.head, .deleting): (404, true)
        case (.head, _): (200, false)
        // An upload begins instead.
        case (.mount, .deleting): (202, true)
        case (.upload, .deleting): (503, true)
        case (.manifest, .deleting): (404, true)
        case (.mount, _), (.upload, _), (.manifest, _): (201, false)
        }
    }

    private func ask(_ route: Route, _ stage: Stage) throws -> Client.Reply {
        let name = sha256(World.loose)
        return switch route {
        case .head: try stage.ask("HEAD", "/v2/a/b/blobs/\(name)")
        case .get: try stage.ask("GET", "/v2/a/b/blobs/\(name)")
        case .mount: try stage.ask("POST", "/v2/c/blobs/uploads/?mount=\(name)&from=a/b", [], [])
        case .upload: try stage.ask("POST", "/v2/a/b/blobs/uploads/?digest=\(name)", [], World.loose)
        case .manifest: try stage.put(image(config: World.config, layers: [World.loose]), as: "v2")
        }
    }

    @Test(arguments: Place.allCases, Route.allCases)
    func `is taken away by a request that needs the blob, and a claim is heeded`(
        _ place: Place, _ route: Route
    ) async throws {
        for state in State.allCases {
            let world = try world(place)
            try await world.begin()
            switch state {
            case .none: break
            case .waiting: try await world.bury(World.loose, .waiting)
            case .deleting: try await world.bury(World.loose, .deleting, ago: .seconds(Tombstone.wait - 60))
            case .left: try await world.bury(World.loose, .deleting, ago: .seconds(Tombstone.wait + 1))
            }
            // A wait for the end of a claim takes none of the test's time.
            let stage = try Stage(over: world.storage, in: Scratch(), world.time.timing) { $0.redirects = false }
            let reply = try ask(route, stage)
            let wanted = outcome(route, state)
            #expect(reply.status == wanted.status, "\(state): \(reply.text)")
            let tombstone = try await world.tombstone(of: World.loose)
            #expect((tombstone != nil) == wanted.isBuried, "\(state)")
            if reply.status == 503 { #expect(reply["retry-after"] != nil) }
            #expect(try await world.has(World.loose), "\(state)")
        }
    }

    @Test func `that is no tombstone is an error with the key, and the blob is not called here`() async throws {
        let world = try World.inMemory()
        try await world.begin()
        let key = Tombstone.key(of: try #require(sha256(World.loose).sha256))
        try await world.storage.set([1, 2, 3], at: key)
        let stage = try Stage(over: world.storage, in: Scratch(), world.time.timing) { _ in }
        for route in [Route.head, .mount, .upload, .manifest] { #expect(try ask(route, stage).status == 500) }
        let error = await #expect(throws: CakeError.self) { try await world.collect() }
        #expect(error?.what.contains(key) == true && error?.fix != nil)
    }

    @Test func `makes an upload wait until the collection has ended, and then the blob is put again`() async throws {
        let world = try World.inMemory()
        try await world.begin()
        try await world.bury(World.loose, .deleting)
        let key = Tombstone.key(of: try #require(sha256(World.loose).sha256))
        let blob = RegistryKeys().blob(World.loose)
        let waits = Mutex(0)
        let timing = StorageTiming(now: world.time.timing.now) { time in
            await world.time.pass(time)
            guard
                waits.withLock({ waits in
                    waits += 1
                    return waits
                }) == 3
            else { return }
            try await world.storage.delete(blob)
            try await world.storage.delete(key)
        }
        let server = try world.server(timing: timing)
        try world.upload(World.loose, to: server)
        #expect(waits.withLock { $0 } == 3)
        #expect(try await world.has(World.loose))
        #expect(try world.push([World.config, World.loose], as: "v2", at: server))
        try await world.check("after the wait")
    }

    @Test func `is listed once in two seconds by a server that many ask`() async throws {
        let world = try World.inMemory()
        try await world.begin()
        let listings = Mutex(0)
        let counted = world.storage.before { key throws(CakeError) in
            if key == Tombstone.folder { listings.withLock { $0 += 1 } }
        }
        let server = try world.server(counted)
        let name = sha256(World.live)
        for _ in 0..<50 { #expect(try server.keep(name, in: World.repository)) }
        #expect(listings.withLock { $0 } == 1)
        try await world.bury(World.live, .deleting, ago: .seconds(2))
        #expect(try !server.keep(name, in: World.repository))
    }

    @Test func `stays when the time for a manifest is over, and nothing is acknowledged`() async throws {
        let world = try World.inMemory()
        try await world.begin()
        for limit in [239, 241] {
            let steps = Steps(at: 12) { await world.time.pass(.seconds(limit)) }
            let server = try world.server(world.storage.stepped(by: steps), timing: world.time.timing)
            let stored = World.manifest([World.config, World.live])
            let tag = try #require(TagName("of\(limit)"))
            func put() throws -> RegistryStore.Lack? {
                try server.put(
                    RegistryManifest(parsing: stored.bytes.span), stored, tags: [tag], in: World.repository)
            }
            if limit < 240 {
                #expect(try put() == nil)
            } else {
                let error = #expect(throws: CakeError.self) { try put() }
                #expect(error?.kind == .locked)
            }
            #expect(steps.isOver)
            let isTagged = try await world.storage.isThere("repositories/a+b/tags/\(tag.text)")
            #expect(isTagged == (limit < 240))
        }
    }

    @Test func `refuses a manifest again without removing the one that was acknowledged`() async throws {
        let world = try World.inMemory()
        try await world.begin()
        let key = "repositories/a+b/manifests/" + World.manifest([World.config, World.live]).name.fileName
        let mark = "repositories/a+b/blobs/\(sha256(World.live).hex)"
        for isClaimed in [true, false] {
            let isOver = Mutex(false)
            let storage = world.storage
            // Between the first look and the last.
            let server = try world.server(
                storage.before { asked throws(CakeError) in
                    guard asked == key, !isOver.withLock({ $0 }) else { return }
                    isOver.withLock { $0 = true }
                    if isClaimed {
                        try? await world.bury(World.live, .deleting)
                    } else {
                        try await storage.delete(mark)
                    }
                })
            #expect(try !world.push([World.config, World.live], as: "v2", at: server))
            #expect(isOver.withLock { $0 })
            try await storage.mark([mark])
            try await world.check("claimed: \(isClaimed)")
            await world.time.pass(.seconds(Tombstone.wait + 1))
        }
    }
}
