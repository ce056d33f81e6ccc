import Foundation
import Model
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// The Hub's clients and models that were pushed to the registry.
@Suite struct `A model that was pushed` {
    /// A base and a similar model, in one large tensor each.
    private static func family() throws -> (base: ModelMaker.Files, tune: ModelMaker.Files) {
        func model(_ changed: Bool) throws -> ModelMaker.Files {
            var first = seededBytes(3 << 20, seed: 1, .mixed)
            if changed { for index in stride(from: 0, to: first.count, by: 4096) { first[index] ^= 1 } }
            let part = ModelMaker.Part(Tensor(name: "a", dtype: .bf16, shape: [UInt64(first.count / 2)]), first)
            return [
                "model.safetensors": try ModelMaker.safetensors([
                    part, .init("b", bytes: 5000, seed: changed ? 3 : 2), .init("c", bytes: 1 << 20, seed: 4),
                ]),
                "config.json": Array("{\"changed\":\(changed)}".utf8),
            ]
        }
        return (try model(false), try model(true))
    }

    @Test(arguments: Engine.allCases) func `is a repository of the Hub, whose tag is the revision`(_ engine: Engine)
        async throws
    {
        let scene = try PushScene(engine)
        let stage = scene.stage
        let files = try ModelMaker.small()
        let commit = String(try await scene.push(files, to: "team/mistral", "v1").hex.prefix(40))
        for revision in ["v1", commit] {
            for (path, bytes) in files {
                let address = "/team/mistral/resolve/\(revision)/\(path)"
                #expect(try stage.ask("GET", address).body == bytes, "\(address)")
                let head = try stage.ask("HEAD", address)
                let isLarge = path.hasSuffix(".safetensors")
                let etag = isLarge ? SHA256.digest(of: bytes.span).hex : GitHash.digest(of: bytes.span).hex
                #expect(head.status == 200 && head["content-length"] == "\(bytes.count)", "\(address)")
                #expect(head["etag"] == "\"\(etag)\"" && head["x-repo-commit"] == commit, "\(address)")
            }
        }
        let info = try scene.json("/api/models/team/mistral/revision/v1?blobs=true")
        #expect(info["sha"]?.string == commit && scene.names(info["siblings"], "rfilename") == files.keys.sorted())
        #expect(
            scene.names(try scene.json("/api/models/team/mistral/tree/v1?recursive=true"), "path").contains(
                "config.json"))
        #expect(scene.names(try scene.json("/api/models/team/mistral/refs")["tags"], "name") == ["v1"])
        #expect(scene.names(try scene.json("/api/models?search=mistral"), "id") == ["team/mistral"])
        #expect(try stage.ask("GET", "/team/mistral/resolve/v2/config.json")["x-error-code"] == "RevisionNotFound")
        #expect(try stage.ask("GET", "/team/other/resolve/v1/config.json")["x-error-code"] == "RepoNotFound")
    }

    @Test(arguments: Engine.allCases) func `is main as latest, where nothing is tagged main`(_ engine: Engine)
        async throws
    {
        let scene = try PushScene(engine)
        let stage = scene.stage
        let files: [ModelMaker.Files] = [["a.txt": Array("one".utf8)], ["a.txt": Array("two".utf8)]]
        let first = try await scene.push(files[0], to: "m", "latest")
        #expect(try stage.ask("GET", "/m/resolve/main/a.txt").body == files[0]["a.txt"])
        let references = try scene.json("/api/models/m/refs")
        #expect(
            scene.names(references["branches"], "name") == ["main"]
                && scene.names(references["tags"], "name") == ["latest"])
        #expect(try scene.json("/api/models/m")["sha"]?.string == String(first.hex.prefix(40)))
        try await scene.push(files[1], to: "m", "main")
        #expect(try stage.ask("GET", "/m/resolve/main/a.txt").body == files[1]["a.txt"])
        #expect(try stage.ask("GET", "/m/resolve/latest/a.txt").body == files[0]["a.txt"])
        #expect(scene.names(try scene.json("/api/models"), "id") == ["m"])
    }

    @Test(arguments: Engine.allCases)
    func `comes by ranges out of deltas, from packs of its own and those of the store's models`(_ engine: Engine)
        async throws
    {
        let scene = try PushScene(engine)
        let stage = scene.stage
        let family = try Self.family()
        if engine == .files {
            let shelf = try Shelf(at: stage.scratch["store"])
            try await shelf.bring(ModelMaker.write(family.base, to: stage.scratch["base"]), as: "org/base")
        }
        // For the second only its own layers are sent: its base is in packs that are not stored.
        try await scene.push(family.base, to: "team/own", "base")
        try await scene.push(family.tune, to: "team/own", "v1")
        if engine == .files {
            try await scene.push(family.base, to: "team/shared", "base", beside: ["org/base"])
            try await scene.push(family.tune, to: "team/shared", "v1", beside: ["org/base"])
        }
        let tune = try #require(family.tune["model.safetensors"])
        for name in engine == .files ? ["team/own", "team/shared"] : ["team/own"] {
            let manifest = try stage.ask("GET", "/v2/\(name)/manifests/v1").body
            let artifact = try ModelArtifact(RegistryManifest(parsing: manifest.span))
            let index = try stage.ask("GET", "/v2/\(name)/blobs/\(artifact.index.name)").body
            #expect(try PackIndex(decoding: index.span).members.contains { $0.base != nil }, "nothing is a delta")
            let address = "/\(name)/resolve/v1/model.safetensors"
            #expect(try stage.ask("GET", address).body == tune)
            var random = SeededNumbers(seed: 7)
            for _ in 0..<20 {
                let start = Int.random(in: 0..<tune.count, using: &random)
                let end = min(tune.count, start + Int.random(in: 1..<(2 << 20), using: &random))
                let reply = try stage.ask("GET", address, [("Range", "bytes=\(start)-\(end - 1)")])
                #expect(reply.status == 206 && reply.body == Array(tune[start..<end]), "\(start)..<\(end)")
            }
            #expect(
                try stage.ask("GET", "/\(name)/resolve/base/model.safetensors").body == family.base["model.safetensors"]
            )
        }
    }

    @Test func `stays what it was for who began with it, when its tag moves`() async throws {
        let scene = try PushScene(.files)
        let stage = scene.stage
        let family = try Self.family()
        let old = try await scene.push(family.base, to: "team/m", "v1").hex.prefix(40)
        let client = try stage.client()
        let whole = try #require(family.base["model.safetensors"])
        try client.send("GET /team/m/resolve/v1/model.safetensors HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let begun = try client.readBody(upTo: 1000)
        try await scene.push(family.tune, to: "team/m", "v1")
        #expect(try stage.ask("GET", "/team/m/resolve/v1/config.json").body == family.tune["config.json"])
        #expect(try stage.ask("GET", "/team/m/resolve/\(old)/config.json").body == family.base["config.json"])
        // A removed file may end early, but never continues with other bytes.
        let name = try stage.ask("HEAD", "/v2/team/m/manifests/v1")["docker-content-digest"]
        for manifest in stage.files(in: "repositories/team+m/manifests") {
            let digest = manifest.replacing("sha256-", with: "sha256:")
            if digest != name { #expect(try stage.ask("DELETE", "/v2/team/m/manifests/\(digest)").status == 202) }
        }
        _ = try RegistryStore(stage.store).collect(grace: .zero, isDryRun: false)
        let rest = (try? client.readBody(upTo: whole.count - 1000)) ?? []
        #expect(rest.isEmpty || begun + rest == whole)
        #expect(try stage.ask("GET", "/team/m/resolve/\(old)/config.json").status == 404)
        #expect(try stage.ask("GET", "/team/m/resolve/v1/model.safetensors").body == family.tune["model.safetensors"])
    }

    @Test func `gives way to what the store has under the same name`() async throws {
        let scene = try PushScene(.files)
        let stage = scene.stage
        let shelf = try Shelf(at: stage.scratch["store"])
        let files = ["own", "pushed"].map { ["a.txt": Array($0.utf8)] }
        try await shelf.bring(ModelMaker.write(files[0], to: stage.scratch["own"]), as: "team/m")
        try await scene.push(files[1], to: "team/m", "latest")
        try await scene.push(files[1], to: "team/m", "v1")
        #expect(try stage.ask("GET", "/team/m/resolve/main/a.txt").text == "own")
        #expect(try stage.ask("GET", "/team/m/resolve/v1/a.txt").text == "pushed")
        let references = try scene.json("/api/models/team/m/refs")
        #expect(scene.names(references["branches"], "name") == ["main"])
        #expect(scene.names(references["tags"], "name") == ["latest", "v1"])
    }

    @Test func `goes to whom the registry would give it`() async throws {
        let scene = try PushScene(.files)
        let stage = scene.stage
        try await scene.push(["a.txt": [1]], to: "team/m", "v1")
        try await scene.push(["a.txt": [2]], to: "other/m", "v1")
        let secret = try RegistryStore(stage.store).addToken("reader", read: [RepositoryPattern("team/*")], push: [])
        let header = [("Authorization", "Bearer \(secret)")]
        #expect(try stage.ask("GET", "/team/m/resolve/v1/a.txt", header).body == [1])
        #expect(try stage.ask("GET", "/other/m/resolve/v1/a.txt", header)["x-error-code"] == "RepoNotFound")
        #expect(try stage.ask("GET", "/team/m/resolve/v1/a.txt").status == 401)
        #expect(scene.names(try stage.ask("GET", "/api/models", header).json, "id") == ["team/m"])
    }

    @Test(arguments: Engine.allCases) func `is not there while a pack is missing`(_ engine: Engine) async throws {
        let scene = try PushScene(engine)
        let stage = scene.stage
        let files: ModelMaker.Files = ["a.txt": [1], "b.bin": seededBytes(9000, seed: 3)]
        try await scene.push(files, to: "team/m", "v1")
        try await scene.push(["a.txt": [2]], to: "team/other", "v1")
        #expect(try stage.ask("GET", "/team/m/resolve/v1/a.txt").body == [1])
        let pack = try #require(scene.artifact("team/m", "v1").0.packs.first)
        let bytes = try stage.ask("GET", "/v2/team/m/blobs/sha256:\(pack.digest)").body
        #expect(try stage.ask("DELETE", "/v2/team/m/blobs/sha256:\(pack.digest)").status == 202)
        for address in ["/team/m/resolve/v1/a.txt", "/api/models/team/m/refs", "/api/models/team/m/tree/v1"] {
            #expect(try stage.ask("GET", address).status == 404, "\(address)")
        }
        #expect(scene.names(try scene.json("/api/models"), "id") == ["team/other"])
        #expect(try stage.ask("GET", "/team/other/resolve/v1/a.txt").body == [2])
        try stage.push(bytes, to: "team/m")
        #expect(try stage.ask("GET", "/team/m/resolve/v1/b.bin").body == files["b.bin"])
    }

    @Test(arguments: Engine.allCases) func `has nothing of other repositories, whatever its manifest says`(
        _ engine: Engine
    ) async throws {
        let scene = try PushScene(engine)
        let stage = scene.stage
        try await scene.push(["a.bin": [1, 2, 3]], to: "secret/m", "v1")
        // Parts of a model must be in the repository, whatever the manifest says about other places.
        let elsewhere = try scene.artifact("secret/m", "v1").text.replacing(
            "\"size\":", with: "\"urls\":[\"http://x/\"],\"size\":")
        #expect(try stage.put(elsewhere, as: "v1", in: "open/m").status == 400)
        #expect(try stage.ask("GET", "/open/m/resolve/v1/a.bin").status == 404)
        #expect(scene.names(try scene.json("/api/models"), "id") == ["secret/m"])
    }

    @Test func `that holds other bytes than it says is given to nobody else`() async throws {
        let scene = try PushScene(.files)
        let stage = scene.stage
        let small: [UInt8] = Array("{}".utf8)
        func files(_ seed: UInt64) throws -> ModelMaker.Files {
            ["m.safetensors": try ModelMaker.safetensors([.init("a", bytes: 3000, seed: seed)]), "config.json": small]
        }
        let right = try files(1)
        try await scene.push(right, to: "good/m", "v1")
        try await scene.push(
            ["config.json": Array("[]".utf8), "m.safetensors": try #require(files(2)["m.safetensors"])], to: "other/m",
            "v1")
        try await Shelf(at: stage.scratch["store"]).bring(
            ModelMaker.write(right, to: stage.scratch["right"]), as: "own/m")
        func index(_ name: String) throws -> PackIndex {
            let bytes = try stage.ask("GET", "/v2/\(name)/blobs/\(scene.artifact(name, "v1").0.index.name)").body
            return try PackIndex(decoding: bytes.span)
        }
        func object(_ member: PackIndex.Member, _ index: PackIndex, _ name: String) throws -> [UInt8] {
            let blob = try stage.ask("GET", "/v2/\(name)/blobs/sha256:\(index.packs[member.pack].digest)").body
            return Array(blob[Int(member.offset)..<Int(member.offset + member.length)])
        }
        // The same manifest; its packs have the other's objects under the names of these.
        let (good, wrong) = (try index("good/m"), try index("other/m"))
        var (pack, places) = ([UInt8](), [(layer: Layer, offset: Int, length: Int)]())
        for member in good.members {
            let size = member.layer.size
            let other = wrong.members.first { $0.layer.size == size && good[$0.layer.digest] == nil }
            var bytes = try other.map { try object($0, wrong, "other/m") } ?? object(member, good, "good/m")
            bytes.replaceSubrange(32..<64, with: member.layer.digest.bytes)
            places.append((member.layer, pack.count, bytes.count))
            pack += bytes
        }
        let packed = PackIndex.Pack(digest: SHA256.digest(of: pack.span), size: UInt64(pack.count))
        let bad = try PackIndex(
            packs: [packed],
            members: places.map {
                .init(
                    layer: $0.layer, stored: .empty, length: UInt64($0.length), offset: UInt64($0.offset), pack: 0,
                    transform: 0)
            })
        let said = try scene.artifact("good/m", "v1").0
        func known(_ descriptor: Descriptor) throws -> (Digest, UInt64) {
            try stage.push(stage.ask("GET", "/v2/good/m/blobs/\(descriptor.name)").body, to: "evil/m")
            return (try #require(descriptor.name.sha256), descriptor.size)
        }
        try stage.push(pack, to: "evil/m")
        let encoded = bad.encoded
        try stage.push(encoded, to: "evil/m")
        let evil = try ModelArtifact(
            config: known(said.config), manifest: known(said.manifest),
            index: (SHA256.digest(of: encoded.span), UInt64(encoded.count)), packs: [packed])
        #expect(try stage.put(String(decoding: evil.encoded, as: UTF8.self), as: "v1", in: "evil/m").status == 201)
        let weights = try stage.ask("GET", "/evil/m/resolve/v1/m.safetensors")
        #expect(weights.status == 200 && weights.body != right["m.safetensors"])
        #expect(try stage.ask("GET", "/evil/m/resolve/v1/config.json").status == 500)
        for name in ["good/m/resolve/v1", "own/m/resolve/main"] {
            #expect(try stage.ask("GET", "/\(name)/m.safetensors").body == right["m.safetensors"], "\(name)")
            let config = try stage.ask("GET", "/\(name)/config.json")
            #expect(config.body == small && config["etag"] == "\"\(GitHash.digest(of: small.span))\"", "\(name)")
        }
    }

    @Test(arguments: Engine.allCases, [.max, 1 << 63, ByteCount.maximum + 1, ByteCount.maximum] as [UInt64])
    func `that claims a size that nothing has is none`(_ engine: Engine, size: UInt64) async throws {
        let scene = try PushScene(engine)
        let stage = scene.stage
        let pack = seededBytes(100, seed: 1)
        let model = RawModel(file: size, member: 100, pack: (SHA256.digest(of: pack.span), 100))
        for blob in model.blobs + [pack] { try stage.push(blob, to: "evil/m") }
        let put = try stage.put(String(decoding: model.artifact, as: UTF8.self), as: "v1", in: "evil/m")
        #expect([201, 400].contains(put.status))
        try await scene.push(["a.txt": [1]], to: "team/m", "v1")
        for range in [[], [("Range", "bytes=0-9")], [("Range", "bytes=9223372036854775807-")]] {
            let reply = try? stage.ask("GET", "/evil/m/resolve/v1/x.bin", range)
            #expect(reply.map { $0.status >= 400 } ?? true)
        }
        #expect(scene.names(try scene.json("/api/models"), "id").contains("team/m"))
        #expect(try stage.ask("GET", "/team/m/resolve/v1/a.txt").body == [1])
    }
}
