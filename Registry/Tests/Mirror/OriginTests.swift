import Foundation
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
import Transfer

/// Models of a registry, for clients of the Hub.
@Suite struct `A model that a registry has` {
    private let scratch: Scratch
    private let maker: Maker

    init() throws {
        scratch = try Scratch()
        maker = try Maker(in: scratch)
    }

    private func registry() throws -> Stage { try Stage() }

    /// A server with the registry's `team/` as upstream.
    private func mirror(
        of registry: Stage, as login: RegistryLogin? = nil, _ change: (inout Mirror.Settings) -> Void = { _ in }
    ) throws -> Stage {
        let http = HTTPSettings(userAgent: "cake/test")
        let upstream = try RegistryUpstream(
            RegistryRoutes(host: "127.0.0.1:\(registry.server.address.port)"), under: RepositoryName("team"),
            as: RegistryCredentials(files: [], own: nil, given: login), http)
        var mirror = Mirror.Settings(.registry(upstream), http)
        change(&mirror)
        return try Stage(scratch) { settings in
            settings.mirror = mirror
            settings.allowsPush = false
        }
    }

    private static func files(_ seed: UInt64 = 1) throws -> ModelMaker.Files {
        [
            "one.safetensors": try ModelMaker.safetensors([.init("a", bytes: 2 << 20, seed: seed)]),
            "two.safetensors": try ModelMaker.safetensors([.init("b", bytes: 1 << 20, seed: seed + 1)]),
            "config.json": Array("{\"seed\":\(seed)}".utf8),
        ]
    }

    private func asked(_ stage: Stage, _ part: String) -> Int {
        stage.log.all.count { $0.request.address.contains(part) }
    }

    @Test func `comes file by file, once for all who ask, and is the store's from then on`() async throws {
        try await MirrorStage.asClient {
            let (registry, files) = (try registry(), try Self.files())
            let digest = try await maker.push(files, to: "team/org/model", "latest", of: registry)
            let stage = try mirror(of: registry)
            let port = stage.server.address.port
            let info = try #require(stage.ask("GET", "/api/models/Org/Model?blobs=true").json)
            let commit = String(digest.hex.prefix(40))
            #expect(info["sha"]?.string == commit)
            #expect(info["siblings"]?.array?.count == 3)
            #expect(try stage.store.names().isEmpty, "files were brought for nothing")
            #expect(try stage.ask("GET", "/Org/Model/resolve/main/config.json").body == files["config.json"])
            await stage.server.settle()
            let record = try stage.store.find("Org/Model").record
            #expect(record.mark == .mirrored && record.commit == commit)
            #expect(try stage.store.manifest(record.manifest).files.count == 1)
            let weights = "/Org/Model/resolve/\(commit)/one.safetensors"
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<12 {
                    group.addTask(executorPreference: MirrorStage.clients) {
                        try Client(port: port).ask("GET", weights).body == files["one.safetensors"]
                    }
                }
                for try await isSame in group { #expect(isSame) }
            }
            await stage.server.settle()
            let metrics = try stage.ask("GET", "/metrics").text
            #expect(metrics.contains("cake_mirror_transfers_total 2\n"), "\(metrics)")
            #expect(try stage.ask("GET", "/Org/Model/resolve/main/two.safetensors").body == files["two.safetensors"])
            await stage.server.settle()
            let blobs = asked(registry, "/blobs/")
            for (path, bytes) in files {
                let reply = try stage.ask("GET", "/Org/Model/resolve/main/\(path)")
                #expect(reply.body == bytes && reply["etag"] == "\"\(SHA256.digest(of: bytes.span))\"", "\(path)")
            }
            #expect(asked(registry, "/blobs/") == blobs)
            #expect(try stage.store.find("Org/Model").record.manifest == digest)
            #expect(try stage.ask("GET", "/v2/org/model/manifests/latest").status == 200)
        }
    }

    @Test func `is what its tag means, and what was here while nobody answers`() async throws {
        try await MirrorStage.asClient {
            var registry: Stage? = try registry()
            let (old, new) = (try Self.files(), try Self.files(9))
            let stage: Stage
            let first: String
            do {
                let there = try #require(registry)
                first = String(try await maker.push(old, to: "team/m", "v1", of: there).hex.prefix(40))
                stage = try mirror(of: there) { $0.revalidation = .zero }
                #expect(try stage.ask("GET", "/m/resolve/v1/config.json").body == old["config.json"])
                await stage.server.settle()
                try await maker.push(new, to: "team/m", "v1", of: there)
                #expect(try stage.ask("GET", "/m/resolve/v1/config.json").body == new["config.json"])
                #expect(try stage.ask("GET", "/m/resolve/v1/one.safetensors").body == new["one.safetensors"])
                #expect(try stage.ask("GET", "/m/resolve/main/config.json").status == 404)
                #expect(try stage.ask("GET", "/m/resolve/v2/config.json")["x-error-code"] == "RevisionNotFound")
                #expect(try stage.ask("GET", "/none/resolve/main/a")["x-error-code"] == "RepoNotFound")
                // A client that began with the tag's old model continues with it.
                #expect(try stage.ask("GET", "/m/resolve/\(first)/two.safetensors").body == old["two.safetensors"])
                await there.server.drain(within: .zero)
                await stage.server.settle()
            }
            registry = nil
            let again = try stage.ask("GET", "/m/resolve/v1/one.safetensors")
            #expect(again.status == 200 && again.body == new["one.safetensors"])
            let missing = try stage.ask("GET", "/m/resolve/v3/two.safetensors")
            #expect([502, 503, 504].contains(missing.status) && missing["retry-after"] != nil, "\(missing.status)")
        }
    }

    @Test func `is asked for with the server's own login, and not at all where that is not allowed`() async throws {
        try await MirrorStage.asClient {
            let registry = try registry()
            try await maker.push(["a.bin": [1, 2]], to: "team/m", "latest", of: registry)
            try await maker.push(["a.bin": [3, 4]], to: "team/other", "latest", of: registry)
            let secret = try RegistryStore(registry.store).addToken(
                "mirror", read: [RepositoryPattern("team/*")], push: [])
            let before = asked(registry, "/team/other/")
            let stranger = try mirror(of: registry)
            #expect(try stranger.ask("GET", "/m/resolve/main/a.bin").status == 404)
            let stage = try mirror(of: registry, as: RegistryLogin(.password(user: "any", secret))) {
                $0.names.denied = [StarPattern("other")]
            }
            #expect(try stage.ask("GET", "/m/resolve/main/a.bin").body == [1, 2])
            #expect(try stage.ask("GET", "/other/resolve/main/a.bin").status == 404)
            #expect(asked(registry, "/team/other/") == before)
        }
    }
}
