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
import Transfer

/// What one server brought into a storage, all have.
@Suite struct `Mirrors over one storage` {
    private static let config = ["config.json": Array("{}".utf8)]

    private func pull(_ name: String, of stage: Stage, into store: LocalStore) async throws {
        let host = "127.0.0.1:\(stage.server.address.port)"
        let client = RegistryClient(
            try RegistryRoutes(host: host), as: RegistryCredentials(files: [], own: nil, given: nil),
            client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")))
        let reference = try RegistryReference("\(host)/\(name)")
        let repository = RemoteRepository(client, reference.repository, for: [.pull])
        _ = try await onPool {
            let remote = try await RemoteArtifact(.tag(#require(TagName("latest"))), in: repository)
            let pull = RegistryPull(of: remote, into: store, progress: Progress("pull"), options: .init())
            return try await pull(as: ModelName("it"), from: reference) { _ in }
        }
    }

    @Test func `bring a model once for all of them`() async throws {
        try await MirrorStage.asClient {
            let bucket = try SharedBucket()
            let (one, other) = (try bucket.serve(), try bucket.serve())
            func isWhole(_ stage: Stage) throws {
                for (path, bytes) in bucket.line.files {
                    let reply = try stage.ask("GET", MirrorStage.address(path))
                    #expect(
                        reply.status == 200 && reply.body == bytes,
                        "\(path) \(reply.status) \(reply.text.prefix(100))")
                }
            }
            try isWhole(one)
            await one.server.settle()
            #expect(try one.store.names().isEmpty, "the work store keeps what is in the storage")
            let asked = bucket.asked
            for stage in [one, other] { try isWhole(stage) }
            #expect(bucket.asked == asked)
            #expect(bucket.keys(in: "brought/names").count == 1 && bucket.keys(in: "repositories").isEmpty)
            #expect(bucket.keys(in: "brought/leases").isEmpty && bucket.keys(in: "brought/waiting").isEmpty)
            bucket.line.hub.misbehave(.hangUp)
            try isWhole(try bucket.serve { $0.mirror?.isOffline = true })
            let late = try bucket.serve()
            try isWhole(late)
            let weights = try #require(bucket.line.files[MirrorStage.weights])
            let part = try late.ask("GET", MirrorStage.address(MirrorStage.weights), [("Range", "bytes=100-299")])
            #expect(part.status == 206 && part.body == Array(weights[100..<300]))
            #expect(
                try late.ask("GET", "/api/models/org/model/tree/main").json?.array?.count == bucket.line.files.count)
            #expect(try late.ask("GET", "/api/models").text.contains(MirrorStage.name))
        }
    }

    @Test func `show it to clients of a registry when it is whole, after what was pushed`() async throws {
        try await MirrorStage.asClient {
            let bucket = try SharedBucket([
                "config.json": Array("{}".utf8),
                "model.safetensors": ModelMaker.safetensors([
                    .init("a", bytes: 300_000, seed: 1)
                ]),
            ])
            let one = try bucket.serve()
            let other = try bucket.serve { $0.allowsPush = true }
            _ = try one.ask("GET", MirrorStage.address("model.safetensors"))
            await one.server.settle()
            #expect(try other.ask("GET", "/v2/org/model/manifests/latest").status == 404, "not all of it is there")
            _ = try one.ask("GET", MirrorStage.address("config.json"))
            await one.server.settle()
            try until { try other.ask("GET", "/v2/org/model/manifests/latest").status == 200 }
            #expect(try other.ask("GET", "/v2/_catalog").text == #"{"repositories":["org/model"]}"#)
            #expect(try other.ask("GET", "/v2/org/model/tags/list").json?["tags"] == ["latest"])
            let shelf = try Shelf(at: other.scratch["pulled"])
            try await pull("org/model:latest", of: other, into: shelf.store)
            #expect(try await shelf.files(of: "it") == bucket.line.files)
            let listed = try other.ask("GET", "/v2/org/model/manifests/latest").body
            let manifest = try RegistryManifest(parsing: listed.span)
            for blob in manifest.named {
                #expect(try other.ask("GET", "/v2/org/model/blobs/\(blob.name)").status == 200)
                // It could not be named in a push.
                #expect(try other.ask("HEAD", "/v2/org/model/blobs/\(blob.name)").status == 404)
                #expect(try other.ask("GET", "/v2/org/else/blobs/\(blob.name)").status == 404)
            }
            let config = Array("{}".utf8)
            try other.push(config, to: "org/model")
            #expect(try other.put(image(config: config), as: "latest", in: "org/model").status == 201)
            #expect(try one.ask("GET", "/v2/org/model/manifests/latest").text == image(config: config))
        }
    }

    @Test func `count what a server learns of access, on all of them`() async throws {
        let reader = "hf_readerreaderreader"
        try await MirrorStage.asClient {
            let bucket = try SharedBucket(
                Self.config, hub: { $0.users = [reader: .init("reader", reads: ["org/model"])] })
            let address = MirrorStage.address("config.json")
            let one = try bucket.serve {
                $0.mirror?.revalidation = .zero
                $0.mirror?.accessLife = .zero
            }
            let other = try bucket.serve { $0.mirror?.isOffline = true }
            #expect(try one.ask("GET", address).text == "{}")
            await one.server.settle()
            let shown = [
                "/v2/org/model/manifests/latest", "/org/model/resolve/main/config.json", "/api/models/org/model",
            ]
            for place in shown { try until { try other.ask("GET", place).status == 200 } }
            let listed = try other.ask("GET", shown[0]).body
            let manifest = try RegistryManifest(parsing: listed.span)
            let blobs =
                try manifest.named.map { "/v2/org/model/blobs/\($0.name)" } + [
                    "/v2/org/model/manifests/\(sha256(other.ask("GET", shown[0]).body))", "/v2/org/model/tags/list",
                ]
            for blob in blobs { #expect(try other.ask("GET", blob).status == 200, "\(blob)") }
            try bucket.line.folder.set(MirrorStage.name, gated: "auto")
            #expect(try one.ask("GET", address).status == 401)
            for place in shown + blobs { try until { try other.ask("GET", place).status >= 400 } }
            #expect(try other.ask("GET", "/api/models").text == "[]")
            #expect(try other.ask("GET", "/v2/_catalog").text == #"{"repositories":[]}"#)
            #expect(try one.ask("GET", address, [("Authorization", "Bearer \(reader)")]).text == "{}")
            try bucket.line.folder.set(MirrorStage.name)
            #expect(try one.ask("GET", address).status == 200)
            for place in shown + blobs { try until { try other.ask("GET", place).status == 200 } }
        }
    }

    @Test func `give what is gated to no client that the upstream was not asked about`() async throws {
        let reader = "hf_readerreaderreader"
        try await MirrorStage.asClient {
            let bucket = try SharedBucket(
                Self.config,
                hub: {
                    $0.users = [
                        reader: .init("reader", reads: ["org/model"]), "hf_strangerstranger": .init("stranger"),
                    ]
                })
            try bucket.line.folder.set(MirrorStage.name, gated: "auto")
            let (one, other) = (try bucket.serve(), try bucket.serve())
            let address = MirrorStage.address("config.json")
            #expect(try one.ask("GET", address, [("Authorization", "Bearer \(reader)")]).text == "{}")
            await one.server.settle()
            let asked = bucket.asked
            for stage in [one, other] {
                #expect(try stage.ask("GET", address).status == 401)
                let stranger = try stage.ask("GET", address, [("Authorization", "Bearer hf_strangerstranger")])
                #expect([401, 403, 404].contains(stranger.status) && stranger.text != "{}")
                #expect(try stage.ask("GET", address, [("Authorization", "Bearer \(reader)")]).text == "{}")
                #expect(try stage.ask("GET", "/v2/org/model/manifests/latest").status == 404)
                #expect(try stage.ask("GET", "/v2/_catalog").text == #"{"repositories":[]}"#)
                #expect(try stage.ask("GET", "/api/models").text == "[]")
            }
            #expect(bucket.asked == asked)
        }
    }

    @Test func `keep both commits when a branch moves, and share the packs that both have`() async throws {
        func weights(_ seed: UInt64) throws -> ModelMaker.Files {
            [
                MirrorStage.weights: try ModelMaker.safetensors([
                    .init("a", bytes: 2 << 20, seed: 1, .mixed), .init("b", bytes: 1 << 20, seed: seed),
                ])
            ]
        }
        try await MirrorStage.asClient {
            let (before, after) = (try weights(2), try weights(3))
            let bucket = try SharedBucket(before, hub: { _ in }) { $0.revalidation = .zero }
            let (one, other) = (try bucket.serve(), try bucket.serve())
            let address = MirrorStage.address(MirrorStage.weights)
            let commit = try #require(try one.ask("GET", address)["x-repo-commit"])
            await one.server.settle()
            let size = bucket.size(of: "blobs")
            try bucket.line.folder.write(MirrorStage.name, after)
            #expect(try other.ask("GET", address).body == after[MirrorStage.weights])
            await other.server.settle()
            #expect(bucket.size(of: "blobs") < size + (3 << 19), "the tensor of both is there twice")
            bucket.line.hub.misbehave(.hangUp)
            let late = try bucket.serve { $0.mirror?.isOffline = true }
            #expect(try late.ask("GET", address).body == after[MirrorStage.weights])
            let old = MirrorStage.address(MirrorStage.weights, revision: commit)
            #expect(try late.ask("GET", old).body == before[MirrorStage.weights])
        }
    }

    @Test func `publish files of one commit from two servers, and of two commits`() async throws {
        try await MirrorStage.asClient {
            let files: ModelMaker.Files = [
                "a.bin": seededBytes(700_000, seed: 1), "b.bin": seededBytes(800_000, seed: 2),
            ]
            let bucket = try SharedBucket(files)
            try bucket.line.folder.write(MirrorStage.name, ["a.bin": seededBytes(900_000, seed: 3)], revision: "v2")
            let (one, other) = (try bucket.serve(), try bucket.serve())
            let ports = [one, other].map(\.server.address.port)
            let asked = [(0, "a.bin", "main"), (1, "b.bin", "main"), (1, "a.bin", "v2"), (0, "b.bin", "main")]
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for (number, path, revision) in asked {
                    group.addTask(executorPreference: MirrorStage.clients) {
                        let wanted = revision == "v2" ? seededBytes(900_000, seed: 3) : files[path]
                        let address = MirrorStage.address(path, revision: revision)
                        return try Client(port: ports[number]).ask("GET", address).body == wanted
                    }
                }
                for try await isSame in group { #expect(isSame) }
            }
            for stage in [one, other] { await stage.server.settle() }
            let late = try bucket.serve { $0.mirror?.isOffline = true }
            for (path, bytes) in files {
                #expect(try late.ask("GET", MirrorStage.address(path)).body == bytes, "\(path)")
            }
            let second = try late.ask("GET", MirrorStage.address("a.bin", revision: "v2"))
            #expect(second.body == seededBytes(900_000, seed: 3))
        }
    }
}
