import Foundation
import Hub
import Mirror
import Model
import Network
import Platform
import Remote
import Server
import Storage
import Store
import Support
import Testing

/// Servers that mirror one hub into one bucket.
final class SharedBucket {
    let line: MirrorStage
    let stand: S3Stand
    let storage: S3Storage
    private let scratch: Scratch

    init(
        _ files: ModelMaker.Files? = nil, hub change: (inout HubSettings) -> Void = { _ in },
        _ mirror: @escaping @Sendable (inout Mirror.Settings) -> Void = { _ in }
    ) throws {
        line = try MirrorStage(files, hub: change) { settings in
            // A server that waits looks again at once.
            settings.look = .milliseconds(5)
            mirror(&settings)
        }
        scratch = try Scratch()
        var made: S3Stand?
        let storage = try Engine.bucket.storage(in: scratch, &made)
        self.storage = try #require(storage as? S3Storage)
        stand = try #require(made)
    }

    /// A server with a cache of its own.
    func serve(_ change: (inout RegistryServer.Settings) -> Void = { _ in }) throws -> Stage {
        let settings = try line.settings()
        return try Stage(over: storage, in: Scratch(), beside: stand) {
            settings(&$0)
            change(&$0)
        }
    }

    /// A server that mirrors nothing, as another process sees the storage.
    func registry() throws -> RegistryStore { try storage.registry(in: Scratch()) }

    /// The lease of a file at the commit that `main` is now.
    func lease(of path: String) async throws -> String {
        let source = HubSource(
            try HubRoutes(endpoint: line.hub.endpoint), token: nil,
            client: try HTTPClient(HTTPSettings(userAgent: "cake/test")))
        let repository = try HubRepository(MirrorStage.name)
        let commit = try await source.snapshot(of: HubReference(repository)).commit
        let upstream = Mirror.Upstream.hub(try HubRoutes(endpoint: line.hub.endpoint))
        line.hub.forgetRequests()
        return Mirror.lease(try FilePath(path), of: repository, at: commit, from: upstream)
    }

    /// The key in the bucket.
    func key(_ name: String) throws -> String { try #require(stand.keys.first { $0.hasSuffix("a registry/\(name)") }) }

    /// Bytes of large files that the hub sent, and how often it was asked for any.
    var sent: UInt64 { line.sent }
    var asked: Int {
        line.hub.requests.count { $0.place == .cdn || $0.method == "GET" && $0.path.contains("/resolve") }
    }

    /// Bytes of the values in a folder.
    func size(of folder: String) -> Int {
        stand.keys.filter { $0.contains("a registry/\(folder)/") }.reduce(0) { $0 + (stand.bytes($1)?.count ?? 0) }
    }

    /// Keys below the registry's prefix.
    func keys(in folder: String) -> [String] {
        let start = "a registry/\(folder)/"
        return stand.keys.compactMap { key in
            key.firstRange(of: start).map { String(key[$0.upperBound...]) }
        }.filter { !$0.isEmpty }
    }
}
