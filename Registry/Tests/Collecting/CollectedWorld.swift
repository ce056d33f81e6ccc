import Foundation
import Model
import Network
import Platform
import Remote
import Server
import Storage
import Support
import Synchronization
import Testing

/// Time of a storage and of those that use it. It passes when they wait, and when a test says so.
final class MadeTime: Sendable {
    private let start = ContinuousClock.now
    private let passed = Mutex(Duration.zero)
    private let tell: @Sendable (Int) async -> Void

    init(_ tell: @escaping @Sendable (Int) async -> Void) { self.tell = tell }

    func pass(_ time: Duration) async {
        let seconds = passed.withLock { passed -> Int in
            let before = passed.components.seconds
            passed += time
            return Int(passed.components.seconds - before)
        }
        if seconds > 0 { await tell(seconds) }
    }

    var timing: StorageTiming {
        StorageTiming(now: { self.start + self.passed.withLock { $0 } }, sleep: { await self.pass($0) })
    }

    /// Of a process that does not notice that time passes.
    var standing: StorageTiming { StorageTiming(now: { self.start }, sleep: { await self.pass($0) }) }
}

/// A registry in a storage, with blobs that no manifest names, and those that push and collect there.
final class CollectedWorld: Sendable {
    static var repository: RepositoryName { get throws { try #require(RepositoryName("a/b")) } }
    static let day = Duration.seconds(24 * 3600)
    static let config = Array("{}".utf8)
    static let live = Array("named by v1".utf8)
    /// What a push needs that comes meanwhile.
    static let loose = Array("named by no manifest".utf8)
    static let garbage = Array("needed by no one".utf8)

    let storage: any KeyedStorage
    let time: MadeTime
    private let scratch: Scratch
    private let acknowledged = Mutex<[(tag: String, blobs: [[UInt8]])]>([])
    private let keys = RegistryKeys()

    init(_ storage: any KeyedStorage, _ time: MadeTime) throws {
        (self.storage, self.time, scratch) = (storage, time, try Scratch())
    }

    static func inMemory() throws -> CollectedWorld {
        let memory = MemoryStorage()
        return try CollectedWorld(memory, MadeTime { await memory.pass($0) })
    }

    static func inBucket(_ stand: S3Stand, _ prefix: String) throws -> CollectedWorld {
        try CollectedWorld(storage(at: stand.endpoint, prefix), MadeTime { stand.pass(seconds: $0) })
    }

    static func storage(at endpoint: String, _ prefix: String) throws -> S3Storage {
        let settings = try S3Settings(
            Environment(variables: ["AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"]), endpoint: endpoint)
        let client = S3Client(settings, client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")))
        return S3Storage(S3Bucket(try S3Place("s3://bucket/\(prefix)"), client))
    }

    /// A pushed model, two blobs that no manifest names, and two days.
    func begin(after time: Duration = day + day) async throws {
        let server = try server()
        #expect(try push([Self.config, Self.live], as: "v1", at: server))
        for bytes in [Self.loose, Self.garbage] { try upload(bytes, to: server) }
        await self.time.pass(time)
    }

    func server(_ storage: (any KeyedStorage)? = nil, timing: StorageTiming? = nil) throws -> RegistryStore {
        try (storage ?? self.storage).registry(in: scratch, timing ?? time.timing, room: 1 << 20)
    }

    func upload(_ bytes: [UInt8], to server: RegistryStore) throws {
        let spool = try Spool(in: server.workFolder)
        spool.append(bytes.span)
        #expect(try server.finish(nil, spool, as: sha256(bytes), in: Self.repository))
    }

    /// As clients do it: what is there is not sent. Or without a question, by a client that knows what is there. False when it is
    /// refused. The first blob is the config.
    @discardableResult
    func push(_ blobs: [[UInt8]], as tag: String, at server: RegistryStore, asks: Bool = true) throws -> Bool {
        do {
            for bytes in blobs where asks {
                let name = sha256(bytes)
                let isKnown = try server.blob(name, in: Self.repository) != nil
                if isKnown, try server.keep(name, in: Self.repository) { continue }
                try upload(bytes, to: server)
            }
            let stored = Self.manifest(blobs)
            let lack = try server.put(
                RegistryManifest(parsing: stored.bytes.span), stored, tags: [try #require(TagName(tag))],
                in: Self.repository)
            guard lack == nil else { return false }
            acknowledged.withLock { $0.append((tag, blobs)) }
            return true
        } catch let error as CakeError where error.kind == .locked || error.what == "killed" { return false }
    }

    static func manifest(_ blobs: [[UInt8]]) -> RegistryStore.StoredManifest {
        let text = Array(image(config: blobs[0], layers: Array(blobs.dropFirst())).utf8)
        return .init(name: sha256(text), mediaType: RegistryManifest.image, bytes: text)
    }

    /// Nil when it was killed.
    @discardableResult
    func collect(
        _ storage: (any KeyedStorage)? = nil, grace: Duration = day, isDryRun: Bool = false,
        _ tell: @escaping @Sendable (DistantCollection.Step) -> Void = { _ in }
    ) async throws -> CollectedBlobs? {
        let collection = (storage ?? self.storage).collection(
            time.timing, .init(grace: grace, isDryRun: isDryRun), tell)
        do throws(CakeError) {
            return try await collection()
        } catch {
            if error.what == "killed" { return nil }
            throw error
        }
    }

    /// By the storage's clock.
    var now: Int {
        get async {
            try? await storage.mark(["clock"])
            return ((try? await storage.time("clock")) ?? nil) ?? 0
        }
    }

    /// All that is there but the clock.
    func keys() async throws -> [String] {
        var keys: [String] = []
        for folder in try await storage.names(in: "") where folder != "clock" {
            keys += try await storage.all(in: folder).map { folder + "/" + $0 }
        }
        return keys.sorted()
    }

    func has(_ bytes: [UInt8]) async throws -> Bool { try await storage.isThere(keys.blob(bytes)) }

    func areThere(_ blobs: [[UInt8]]) async throws -> [Bool] {
        var found: [Bool] = []
        for bytes in blobs { found.append(try await has(bytes)) }
        return found
    }

    func tombstone(of bytes: [UInt8]) async throws -> Tombstone? {
        let key = Tombstone.key(of: try #require(sha256(bytes).sha256))
        return try await storage.value(key).map { try Tombstone(parsing: $0, at: key) }
    }

    /// Puts a tombstone that is so old.
    func bury(_ bytes: [UInt8], _ state: Tombstone.State, ago: Duration = .zero) async throws {
        var random = SystemRandomNumberGenerator()
        let key = Tombstone.key(of: try #require(sha256(bytes).sha256))
        try await storage.set(Tombstone(state, using: &random).text, at: key)
        await time.pass(ago)
    }

    /// A manifest that was acknowledged is there with its tag, its blobs and their marks.
    func check(_ what: String, at place: SourceLocation = #_sourceLocation) async throws {
        for (tag, blobs) in acknowledged.withLock({ $0 }) {
            let manifest = Self.manifest(blobs)
            let target = try await storage.value("repositories/a+b/tags/\(tag)")
            #expect(target == Array("\(manifest.name)\n".utf8), "\(what): \(tag)", sourceLocation: place)
            let isKept = try await storage.isThere("repositories/a+b/manifests/\(manifest.name.fileName)")
            #expect(isKept, "\(what): \(tag)", sourceLocation: place)
            for blob in blobs {
                let words = "\(what): \(String(decoding: blob, as: UTF8.self)) of \(tag)"
                let bytes = try await storage.value(keys.blob(blob))
                #expect(bytes == blob, "\(words)", sourceLocation: place)
                let isMarked = try await storage.isThere("repositories/a+b/blobs/\(sha256(blob).hex)")
                #expect(isMarked, "the mark of \(words)", sourceLocation: place)
            }
        }
    }
}

/// docs/layout.md.
struct RegistryKeys {
    func blob(_ bytes: [UInt8]) -> String {
        let hex = sha256(bytes).hex
        return "blobs/\(hex.prefix(2))/\(hex)"
    }
}
