import Foundation
import Hub
import Mirror
import Model
import Network
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// A hub for tests, and a server with it as upstream.
final class MirrorStage: Sendable {
    let folder: HubFolder
    let hub: Hub
    let files: ModelMaker.Files
    let scratch: Scratch
    /// Where its servers share what they brought, if that is no store.
    private let storage: (any KeyedStorage)?
    private let stand: S3Stand?
    private let change: @Sendable (inout Mirror.Settings) -> Void

    static let name = "org/model"
    /// What a mirror promises, it promises on each.
    static let engines: [Engine] = [.files, .bucket]

    init(
        _ files: ModelMaker.Files? = nil, on engine: Engine = .files,
        hub change: (inout HubSettings) -> Void = { _ in },
        _ mirror: @escaping @Sendable (inout Mirror.Settings) -> Void = { _ in }
    ) throws {
        folder = try HubFolder()
        let files = try files ?? ModelMaker.small()
        try folder.write(MirrorStage.name, files)
        var settings = HubSettings()
        change(&settings)
        hub = try Hub(serving: folder.path, settings)
        self.files = files
        scratch = try Scratch()
        self.change = mirror
        var stand: S3Stand?
        storage = try engine.storage(in: scratch, &stand)
        self.stand = stand
    }

    deinit { hub.stop() }

    /// A server over the store or the storage that all of a stage's share.
    func serve(in other: Scratch? = nil, _ change: (inout RegistryServer.Settings) -> Void = { _ in }) throws -> Stage {
        let settings = try settings()
        func all(_ server: inout RegistryServer.Settings) {
            settings(&server)
            change(&server)
        }
        guard let storage else { return try Stage(other ?? scratch, all) }
        return try Stage(over: storage, in: other ?? scratch, beside: stand, all)
    }

    /// Those of a server with the hub as its upstream.
    func settings() throws -> (inout RegistryServer.Settings) -> Void {
        let upstream = try HubRoutes(endpoint: hub.endpoint)
        return { settings in
            var http = HTTPSettings(userAgent: "cake/test")
            // Far more than a busy machine takes: a test of waiting sets its own limit.
            http.stallSeconds = 600
            var mirror = Mirror.Settings(upstream: upstream, http)
            mirror.look = .milliseconds(5)
            mirror.patience = .seconds(600)
            self.change(&mirror)
            settings.mirror = mirror
            settings.allowsPush = false
        }
    }

    /// Clients block their threads, and their answers need Swift's own threads.
    static func asClient<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await withTaskExecutorPreference(clients) { try await body() }
    }

    static let clients = BlockingPool(threads: 48)

    static func address(_ path: String, revision: String = "main") -> String { "/\(name)/resolve/\(revision)/\(path)" }

    /// Bytes of large files that the hub sent.
    var sent: UInt64 { hub.sent(.cdn()) }

    static let weights = "model.safetensors"

    /// Two tensors, of a megabyte and two.
    static func large(seed: UInt64 = 1) throws -> ModelMaker.Files {
        [
            weights: try ModelMaker.safetensors([
                .init("a", bytes: 2 << 20, seed: seed, .mixed), .init("b", bytes: 1 << 20, seed: seed + 1),
            ])
        ]
    }
}
