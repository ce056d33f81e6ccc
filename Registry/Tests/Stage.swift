import Foundation
import Model
import Network
import Platform
import Server
import Storage
import Store
import Support
import Testing

/// A registry of its own for each test, on a port that is free, over a store in a folder that vanishes, or over another storage.
final class Stage {
    let scratch: Scratch
    let store: LocalStore
    /// Nil for a store's registry.
    let storage: (any KeyedStorage)?
    private let stand: S3Stand?
    let server: RegistryServer
    let log = Log()

    /// The server's log.
    final class Log: Sendable {
        private let records = LockedRecords()

        func add(_ record: ServerRecord) { records.add(record) }

        var all: [ServerRecord] { records.all }
    }

    init(
        _ scratch: Scratch? = nil, lower: [String] = [], _ change: (inout RegistryServer.Settings) -> Void = { _ in }
    ) throws {
        let scratch = try scratch ?? Scratch()
        self.scratch = scratch
        store = try LocalStore(at: scratch["store"], pool: Stage.pool, lower: lower)
        (storage, stand) = (nil, nil)
        var settings = RegistryServer.Settings()
        settings.address = ListenAddress(host: "127.0.0.1", port: 0)
        settings.allowsPush = true
        change(&settings)
        server = try RegistryServer(store, settings, pool: Stage.pool) { [log] in log.add($0) }
    }

    /// Another server over the same data is `beside` this one.
    convenience init(
        _ engine: Engine, _ change: (inout RegistryServer.Settings) -> Void = { _ in }
    ) throws {
        let scratch = try Scratch()
        var stand: S3Stand?
        guard let storage = try engine.storage(in: scratch, &stand) else {
            try self.init(scratch, change)
            return
        }
        try self.init(over: storage, in: scratch, beside: stand, change)
    }

    convenience init(beside other: Stage, _ change: (inout RegistryServer.Settings) -> Void = { _ in }) throws {
        guard let storage = other.storage else {
            try self.init(other.scratch, change)
            return
        }
        try self.init(over: storage, in: other.scratch, beside: other.stand, change)
    }

    /// Clients are not sent to a stand's bucket, unless a test wants it.
    init(
        over storage: any KeyedStorage, in scratch: Scratch, _ timing: StorageTiming = StorageTiming(),
        room: UInt64 = 64 << 20, beside stand: S3Stand? = nil,
        _ change: (inout RegistryServer.Settings) -> Void = { _ in }
    ) throws {
        self.scratch = scratch
        (self.storage, self.stand) = (storage, stand)
        var settings = RegistryServer.Settings()
        settings.redirects = !(storage is S3Storage)
        settings.address = ListenAddress(host: "127.0.0.1", port: 0)
        settings.allowsPush = true
        change(&settings)
        let registry = try storage.registry(in: scratch, timing, room: room, letsAnybodyRead: settings.letsAnybodyRead)
        store = registry.store
        server = try RegistryServer(registry, settings, pool: Stage.pool) { [log] in log.add($0) }
    }

    static let pool = BlockingPool(threads: 8)

    func client() throws -> Client { try Client(port: server.address.port) }

    @discardableResult
    func ask(
        _ method: String, _ address: String, _ headers: [(String, String)] = [], _ body: [UInt8]? = nil
    ) throws -> Client.Reply {
        try client().ask(method, address, headers, body)
    }

    /// Pushes a blob with one request, and returns its name.
    @discardableResult
    func push(_ bytes: [UInt8], to repository: String = "a/b") throws -> BlobName {
        let name = sha256(bytes)
        let reply = try ask("POST", "/v2/\(repository)/blobs/uploads/?digest=\(name)", [], bytes)
        try #require(reply.status == 201, "\(reply.text)")
        return name
    }

    /// The address at which a new upload continues.
    func begin(_ repository: String = "a/b") throws -> String {
        let reply = try ask("POST", "/v2/\(repository)/blobs/uploads/", [], [])
        try #require(reply.status == 202)
        return try #require(reply["location"])
    }

    /// Pushes a manifest that names these blobs.
    @discardableResult
    func put(
        _ manifest: String, as name: String, in repository: String = "a/b", type: String = RegistryManifest.image
    ) throws -> Client.Reply {
        try ask("PUT", "/v2/\(repository)/manifests/\(name)", [("Content-Type", type)], Array(manifest.utf8))
    }

    func files(in folder: String) -> [String] {
        (FileManager.default.subpaths(atPath: scratch["store/registry/\(folder)"]) ?? []).sorted()
    }

    /// The same of any engine.
    func values(in folder: String) throws -> [String] {
        guard let storage else { return files(in: folder) }
        return try waiting { () throws(CakeError) in try await storage.all(in: folder) }.sorted()
    }
}

/// Tries until it is true, for what comes a moment after an answer.
func until(at place: SourceLocation = #_sourceLocation, _ isTrue: () throws -> Bool) rethrows {
    for _ in 0..<100_000 { if try isTrue() { return } }
    Issue.record("it did not come", sourceLocation: place)
}

private final class LockedRecords: @unchecked Sendable {
    private let lock = NSLock()
    private var records: [ServerRecord] = []

    func add(_ record: ServerRecord) { lock.withLock { records.append(record) } }
    var all: [ServerRecord] { lock.withLock { records } }
}

func sha256(_ bytes: [UInt8]) -> BlobName { BlobName(SHA256.digest(of: bytes.span)) }

func sha512(_ bytes: [UInt8]) throws -> BlobName {
    var hash = SHA512()
    hash.update(bytes.span)
    return try #require(BlobName("sha512:" + hash.finish()))
}

func descriptor(_ bytes: [UInt8], _ name: BlobName? = nil, size: Int? = nil) -> String {
    #"{"mediaType":"application/octet-stream","digest":"\#(name ?? sha256(bytes))","size":\#(size ?? bytes.count)}"#
}

/// An image of one layer or none, with further members.
func image(config: [UInt8], layers: [[UInt8]] = [], _ more: String = "") -> String {
    let layers = layers.map { descriptor($0) }.joined(separator: ",")
    return
        #"{"schemaVersion":2,"mediaType":"\#(RegistryManifest.image)","config":\#(descriptor(config)),"layers":[\#(layers)]\#(more)}"#
}
