import Model
import Network
import Platform
import Remote
import Server
import Storage
import Support
import Synchronization
import Testing

/// What a collection of a bucket removes, keeps and reports.
@Suite struct `A collection of a bucket` {
    private typealias World = CollectedWorld

    private func world() async throws -> World {
        let world = try World.inMemory()
        try await world.begin()
        return world
    }

    private var worlds: [World] {
        get throws {
            [
                try .inMemory(), try .inBucket(S3Stand(.amazon), "some/registry"),
                try .inBucket(S3Stand(.ceph), "some/registry"),
            ]
        }
    }

    @Test func `removes what no manifest names, and nothing else`() async throws {
        for world in try worlds {
            try await world.begin()
            let before = try await world.keys()
            let planned = try #require(try await world.collect(isDryRun: true))
            #expect(try await world.keys() == before)
            let collected = try #require(try await world.collect())
            let bytes = UInt64(World.loose.count + World.garbage.count)
            for found in [planned, collected] {
                #expect(found.blobs == 2 && found.bytes == bytes && found.uploads == 0)
            }
            #expect(collected.needed == 0 && collected.left == 0)
            let gone = [World.loose, World.garbage].flatMap { bytes in
                [RegistryKeys().blob(bytes), "repositories/a+b/blobs/\(sha256(bytes).hex)"]
            }
            #expect(try await world.keys() == before.filter { !gone.contains($0) })
            try await world.check("after it")
            #expect(try await world.collect()?.blobs == 0)
        }
    }

    @Test func `leaves what is younger than the grace, and with --now what was asked for meanwhile`() async throws {
        let world = try await world()
        let server = try world.server()
        let young = Array("young".utf8)
        try world.upload(young, to: server)
        #expect(try server.keep(sha256(World.loose), in: World.repository))
        #expect(try await world.collect()?.blobs == 1)
        #expect(try await world.areThere([young, World.loose, World.garbage]) == [true, true, false])
        await world.time.pass(.seconds(10))
        let timing = StorageTiming(now: world.time.timing.now) { time in
            await world.time.pass(time)
            let isKept = try await onPool { try server.keep(sha256(World.loose), in: World.repository) }
            #expect(isKept)
        }
        let now = try await world.storage.collection(timing, .init(grace: .zero))()
        #expect(try await world.areThere([young, World.loose]) == [false, true])
        #expect(now.blobs == 1 && now.needed == 1)
        try await world.check("after --now")
    }

    @Test func `waits ten minutes, and not again for tombstones that an interrupted one left`() async throws {
        let world = try await world()
        let waited = Mutex<[DistantCollection.Step]>([])
        let start = await world.now
        try await world.collect { step in waited.withLock { $0.append(step) } }
        let took = await world.now - start
        #expect(took >= Tombstone.wait && took < Tombstone.wait + 10)
        let steps = waited.withLock { $0 }
        #expect(steps.first == .reading && steps.last == .removing(done: 2, of: 2))
        #expect(steps.contains(.waiting(seconds: 601, blobs: 2)) && steps.contains(.waiting(seconds: 1, blobs: 2)))
        let other = try await self.world()
        let interrupted = other.storage.collection(
            StorageTiming(now: other.time.timing.now) { _ in throw CancellationError() }, .init(grace: World.day))
        await #expect(throws: CakeError.self) { try await interrupted() }
        #expect(try await other.storage.names(in: Tombstone.folder).count == 2)
        await other.time.pass(.seconds(Tombstone.wait + 1))
        let again = await other.now
        #expect(try await other.collect()?.blobs == 2)
        #expect(await other.now == again)
    }

    @Test func `removes what killed pushes left, and nothing that is young`() async throws {
        let world = try World.inMemory()
        let server = try world.server()
        let spool = try Spool(in: server.workFolder)
        spool.append([1, 2, 3].span)
        let repository = try World.repository
        let old = try server.beginSession(to: repository)
        let seen = try #require(try server.session(old.name, to: repository))
        guard case .done = try server.append(spool, to: seen) else { return }
        let absent = sha256([9])
        let marks = [
            "repositories/a+b/referrers/\(absent.fileName)/\(absent.fileName)", "probe/abc",
            "repositories/a+b/blobs/\(absent.hex)", "repositories/gone/blobs/\(absent.hex)",
        ]
        try await world.storage.mark(marks)
        try await world.storage.set(Array("\(absent.hex)\n".utf8), at: "sha512/\(try sha512([9]).hex)")
        try await world.begin()
        let young = try server.beginSession(to: repository)
        let collected = try #require(try await world.collect())
        #expect(collected.uploads == 1 && collected.blobs == 2)
        let left = try await world.keys().filter { key in
            marks.contains(key) || ["uploads", "sha512"].contains { key.hasPrefix($0) }
        }
        #expect(left == ["uploads/\(young.name)/list"])
        try await world.check("after it")
    }

    @Test func `keeps a blob that is named by its SHA-512, and removes the name with the blob`() async throws {
        let world = try await world()
        let server = try world.server()
        for bytes in [[7, 8], [7, 9]] as [[UInt8]] {
            let spool = try Spool(in: server.workFolder)
            spool.append(bytes.span)
            #expect(try server.finish(nil, spool, as: try sha512(bytes), in: World.repository))
        }
        let text = Array(#"{"schemaVersion":2,"config":\#(descriptor([7, 8], try sha512([7, 8])))}"#.utf8)
        let stored = RegistryStore.StoredManifest(name: sha256(text), mediaType: RegistryManifest.image, bytes: text)
        #expect(try server.put(RegistryManifest(parsing: text.span), stored, tags: [], in: World.repository) == nil)
        await world.time.pass(World.day + World.day)
        #expect(try await world.collect()?.blobs == 3)
        #expect(try await world.areThere([[7, 8], [7, 9]]) == [true, false])
        #expect(try await world.storage.names(in: "sha512") == [try sha512([7, 8]).hex])
    }

    @Test func `drops old marks of blobs that only other repositories name`() async throws {
        let world = try await world()
        let other = try #require(RepositoryName("other"))
        #expect(try world.server().mount(sha256(World.live), from: World.repository, to: other))
        await world.time.pass(World.day + World.day)
        try await world.collect()
        #expect(try await world.storage.names(in: "repositories") == ["a+b"])
        try await world.check("after it")
    }

    @Test(arguments: [S3Stand.Engine.amazon, .ceph]) func `leaves the tombstone when the answer of a removal is lost`(
        _ engine: S3Stand.Engine
    ) async throws {
        let stand = try S3Stand(engine)
        let world = try World.inBucket(stand, "registry")
        try await world.begin()
        let key = RegistryKeys().blob(World.garbage)
        let line = try FaultLine(
            to: stand.endpoint, [{ method, address in method != "HEAD" && address.contains(key) ? .lostAnswer : nil }])
        let collected = try #require(
            try await world.collect(World.storage(at: line.endpoint, "registry")))
        #expect(collected.blobs == 1 && collected.left == 1 && line.left == 0)
        #expect(try await world.tombstone(of: World.garbage)?.state == .deleting)
        // Until then the blob counts as gone.
        let server = try world.server(timing: world.time.timing)
        #expect(try !world.push([World.config, World.garbage], as: "v2", at: server))
        await world.time.pass(.seconds(Tombstone.wait + 1))
        #expect(try world.push([World.config, World.garbage], as: "v2", at: world.server()))
        #expect(try await world.collect()?.left == 0)
        try await world.check("after it")
    }

    @Test func `sends no removal when its claim is four minutes old`() async throws {
        let world = try await world()
        // Between the claims and the removals.
        let storage = world.storage.before { key throws(CakeError) in
            if key.hasSuffix("/tags/v1") { await world.time.pass(.seconds(241)) }
        }
        let collected = try #require(try await world.collect(storage))
        #expect(collected.blobs == 0 && collected.left == 2)
        #expect(try await world.has(World.garbage))
        #expect(try await world.storage.names(in: Tombstone.folder).isEmpty)
    }

    @Test func `is done by one of several servers on a schedule, and by another when that one is killed`() async throws
    {
        let world = try await world()
        let hour = Duration.seconds(3600)
        func server(_ steps: Steps? = nil) throws -> RegistryStore {
            try world.server(steps.map { world.storage.stepped(by: $0) }, timing: world.time.timing)
        }
        let servers = try [server(), server()]
        // The time counts from the first question.
        for server in servers { #expect(try server.collect(every: hour) == nil) }
        await world.time.pass(hour)
        #expect(throws: CakeError.self) { try server(Steps(killedAt: 40)).collect(every: hour) }
        for server in servers { #expect(try server.collect(every: hour) == nil) }
        await world.time.pass(hour)
        let found = try servers.map { try $0.collect(every: hour)?.blobs.blobs }
        #expect(found == [2, nil])
        try await world.check("after it")
    }
}
