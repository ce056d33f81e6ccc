import Foundation
import Model
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// Models of a store, as clients of its registry see them.
@Suite struct `A model of the store` {
    private let stage: Stage
    private let shelf: Shelf

    init() throws {
        stage = try Stage()
        shelf = try Shelf(at: stage.scratch["store"])
    }

    /// A model as a client sees it that only knows the wire format.
    private struct Fetched {
        let name: BlobName
        let bytes: [UInt8]
        let artifact: ModelArtifact
        let annotations: [String: String]
        let index: PackIndex
        let manifest: Manifest
    }

    private func fetch(_ address: String, from other: Stage? = nil) throws -> Fetched {
        let stage = other ?? stage
        let (repository, tag) = (address.split(separator: ":")[0], address.split(separator: ":")[1])
        let reply = try stage.ask("GET", "/v2/\(repository)/manifests/\(tag)")
        try #require(reply.status == 200, "\(reply.text)")
        #expect(reply["content-type"] == RegistryManifest.image)
        let name = try #require(reply["docker-content-digest"].flatMap { BlobName($0) })
        #expect(name == sha256(reply.body))
        let artifact = try ModelArtifact(RegistryManifest(parsing: reply.body.span))
        func blob(_ descriptor: Descriptor) throws -> [UInt8] {
            let bytes = try stage.ask("GET", "/v2/\(repository)/blobs/\(descriptor.name)").body
            #expect(sha256(bytes) == descriptor.name && UInt64(bytes.count) == descriptor.size)
            return bytes
        }
        let indexBytes = try blob(artifact.index)
        let index = try PackIndex(decoding: indexBytes.span)
        let manifestBytes = try blob(artifact.manifest)
        let manifest = try ManifestText.decode(manifestBytes.span)
        try artifact.check(index, manifest)
        let config = try blob(artifact.config)
        _ = try JSONValue(parsing: config.span)
        for pack in index.packs {
            let bytes = try stage.ask("GET", "/v2/\(repository)/blobs/sha256:\(pack.digest.hex)").body
            #expect(UInt64(bytes.count) == pack.size && SHA256.digest(of: bytes.span) == pack.digest)
        }
        let said = try JSONValue(parsing: reply.body.span)["annotations"]?.object?.members ?? []
        let annotations = said.map { ($0.key, $0.value.string ?? "") }
        return Fetched(
            name: name, bytes: reply.body, artifact: artifact,
            annotations: Dictionary(annotations) { first, _ in first }, index: index, manifest: manifest)
    }

    /// The object of each layer, by range, has the digest that the index says, and is an object of that layer.
    private func checkMembers(of model: Fetched, in repository: String) throws {
        for member in model.index.members {
            let pack = model.index.packs[member.pack]
            let range = "bytes=\(member.offset)-\(member.offset + member.length - 1)"
            let reply = try stage.ask("GET", "/v2/\(repository)/blobs/sha256:\(pack.digest.hex)", [("Range", range)])
            #expect(reply.status == 206)
            #expect(SHA256.digest(of: reply.body.span) == member.stored)
            #expect(Array(reply.body[32..<64]) == member.layer.digest.bytes)
        }
    }

    private func text(_ address: String) throws -> String { try stage.ask("GET", address).text }

    @Test func `has one config, pushed or served, whatever its own says`() async throws {
        let maker = try Maker(in: stage.scratch)
        let long = String(repeating: " ", count: 1 << 20)
        for (name, config) in [
            ("plain", #"{"architectures": ["A"]}"#), ("twice", #"{"architectures": ["A"], "architectures": ["A"]}"#),
            ("long", #"{"architectures": ["A"]}"# + long), ("broken", "{"),
        ] {
            var files = try ModelMaker.small(seed: 5)
            files["config.json"] = Array(config.utf8)
            try await maker.push(files, to: "team/\(name)", "v1", of: stage)
            try await shelf.bring(ModelMaker.write(files, to: stage.scratch["files-\(name)"]), as: "own/\(name)")
            let (pushed, served) = try (fetch("team/\(name):v1"), fetch("own/\(name):latest"))
            #expect(pushed.artifact.manifest.name == served.artifact.manifest.name)
            #expect(pushed.artifact.config.name == served.artifact.config.name, "\(name)")
        }
    }

    @Test func `is an artifact under its name, whose packs nobody wrote`() async throws {
        let folder = try ModelMaker.write(ModelMaker.small(), to: stage.scratch["model"])
        try await shelf.bring(folder, as: "Org/My.Model@V1")
        let model = try fetch("org/my.model:V1")
        #expect(model.index.members.count == Set(try shelf.layers(of: "Org/My.Model@V1").filter { $0.size > 0 }).count)
        try checkMembers(of: model, in: "org/my.model")
        #expect(try fetch("org/my.model:V1").name == model.name)
        #expect(try stage.ask("GET", "/v2/org/my.model/manifests/\(model.name)").body == model.bytes)
        #expect(try text("/v2/org/my.model/tags/list").contains(#"["V1"]"#))
        #expect(try text("/v2/_catalog") == #"{"repositories":["org/my.model"]}"#)
        // The packs' files on the disk are small, except for hard links to existing files.
        let packs = model.index.packs.map(\.digest.hex)
        #expect(!stage.files(in: "blobs").contains { path in packs.contains { path.hasSuffix($0) } })
    }

    @Test func `says what its card says, and nothing of this machine`() async throws {
        var files = try ModelMaker.small()
        files["README.md"] = Array("---\nlicense: apache-2.0\nbase_model: Org/Base\n---\n# It\n".utf8)
        try await shelf.bring(ModelMaker.write(files, to: stage.scratch["model"]), as: "m")
        let said = try fetch("m:latest").annotations
        #expect(said["org.opencontainers.image.licenses"] == "Apache-2.0")
        #expect(said["org.opencontainers.image.base.name"] == "huggingface.co/Org/Base")
        #expect(said["org.opencontainers.image.title"] == "m")
        #expect(said.count == 3)
    }

    @Test func `that lies in a store below is served as one's own`() async throws {
        let scratch = try Scratch()
        let below = try Shelf(at: scratch["below"])
        let model = try await below.bring(ModelMaker.write(ModelMaker.small(), to: scratch["model"]), as: "m")
        let stage = try Stage(scratch, lower: [scratch["below"]])
        let fetched = try fetch("m:latest", from: stage)
        #expect(fetched.artifact.manifest.name.sha256 == model)
        #expect(try fetch("m:latest", from: stage).name == fetched.name)
        // A model that cannot be served is not listed.
        let reader = try RegistryServer(
            try #require(stage.store.lower.first),
            {
                var settings = RegistryServer.Settings()
                settings.address = ListenAddress(host: "127.0.0.1", port: 0)
                return settings
            }(), pool: Stage.pool)
        let client = try Client(port: reader.address.port)
        #expect(try client.ask("GET", "/v2/_catalog").text == #"{"repositories":[]}"#)
        #expect(try client.ask("GET", "/v2/m/tags/list").status == 404)
        #expect(try client.ask("GET", "/v2/m/manifests/latest").status == 404)
        #expect(try client.ask("GET", "/v2/_cake/search").text == #"{"models":[]}"#)
    }

    @Test func `has every byte of a pack at every range`() async throws {
        try await shelf.bring(ModelMaker.write(ModelMaker.small(), to: stage.scratch["model"]), as: "m")
        let model = try fetch("m:latest")
        let pack = try #require(model.index.packs.first)
        let address = "/v2/m/blobs/sha256:\(pack.digest.hex)"
        let whole = try stage.ask("GET", address).body
        for range in [0..<1, 0..<whole.count, 1..<whole.count - 1, whole.count / 2..<whole.count, 100..<100_000] {
            let reply = try stage.ask("GET", address, [("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")])
            #expect(reply.status == 206 && reply.body == Array(whole[range]), "\(range)")
        }
        #expect(try stage.ask("GET", address, [("Range", "bytes=\(whole.count)-")]).status == 416)
        #expect(try stage.ask("HEAD", address)["content-length"] == "\(whole.count)")
    }

    @Test func `names the packs of the model that it is made of, and is complete`() async throws {
        func files(_ changed: UInt64) throws -> ModelMaker.Files {
            var first = seededBytes(3 << 20, seed: 1, .mixed)
            if changed > 0 { for index in stride(from: 0, to: first.count, by: 4096) { first[index] ^= 1 } }
            let parts = [
                ModelMaker.Part(Tensor(name: "a", dtype: .bf16, shape: [UInt64(first.count / 2)]), first),
                ModelMaker.Part("b", bytes: 2 << 20, seed: 2, .mixed),
                ModelMaker.Part("c", bytes: 4096, seed: 3 + changed),
            ]
            return ["model.safetensors": try ModelMaker.safetensors(parts)]
        }
        try await shelf.bring(ModelMaker.write(files(0), to: stage.scratch["base"]), as: "base")
        try await shelf.bring(
            ModelMaker.write(files(1), to: stage.scratch["tuned"]), as: "tuned", bases: .of(ModelName("base")))
        let tuned = try fetch("tuned:latest")
        let deltas = tuned.index.members.filter { $0.base != nil }
        #expect(!deltas.isEmpty)
        let bases = deltas.compactMap(\.base).compactMap { tuned.index[$0] }
        #expect(bases.count { $0.base == nil } == deltas.count)
        try checkMembers(of: tuned, in: "tuned")
        let base = try fetch("base:latest")
        #expect(Set(base.index.packs).isSubset(of: Set(tuned.index.packs)))
    }

    @Test func `stays what it was given out as, while the store encodes it anew or drops it`() async throws {
        try await shelf.bring(ModelMaker.write(ModelMaker.small(), to: stage.scratch["model"]), as: "m")
        let model = try fetch("m:latest")
        // As if the store had put others in their place.
        for layer in try shelf.layers(of: "m") { try Disk.remove(shelf.object(layer.digest)) }
        for name in try shelf.entries("packs") { try Disk.remove(shelf.root + "/packs/" + name) }
        try checkMembers(of: model, in: "m")
        try shelf.remove("m")
        try shelf.collect()
        let registry = try RegistryStore(stage.store)
        #expect(try registry.collect(grace: .seconds(3600), isDryRun: false).blobs == 0)
        #expect(try stage.ask("GET", "/v2/m/manifests/latest").status == 404)
        #expect(try stage.ask("GET", "/v2/m/manifests/\(model.name)").body == model.bytes)
        try checkMembers(of: model, in: "m")
        let collected = try registry.collect(grace: .zero, isDryRun: false)
        #expect(collected.bytes > 1 << 18)
        #expect(
            stage.files(in: "held").isEmpty && stage.files(in: "packs").isEmpty
                && stage.files(in: "repositories").isEmpty)
        #expect(try stage.ask("GET", "/v2/m/manifests/\(model.name)").status == 404)
    }

    @Test func `is made anew when a layer was encoded anew, and the old goes after its grace`() async throws {
        func bytes(_ changed: Bool) -> [UInt8] {
            var bytes = seededBytes(3 << 20, seed: 1, .mixed)
            if changed { for index in stride(from: 0, to: bytes.count, by: 4096) { bytes[index] ^= 1 } }
            return bytes
        }
        func files(_ changed: Bool) throws -> ModelMaker.Files {
            let tensor = Tensor(name: "a", dtype: .bf16, shape: [3 << 19])
            return ["model.safetensors": try ModelMaker.safetensors([.init(tensor, bytes(changed))])]
        }
        try await shelf.bring(ModelMaker.write(files(true), to: stage.scratch["tuned"]), as: "tuned", bases: .none)
        let old = try fetch("tuned:latest")
        try await shelf.bring(ModelMaker.write(files(false), to: stage.scratch["base"]), as: "base", bases: .none)
        #expect(try fetch("tuned:latest").name == old.name)
        let manifest = try shelf.store.manifest(shelf.store.find("tuned").record.manifest)
        let base = try #require(try shelf.layers(of: "base").first { $0.size == 3 << 20 })
        let segment = try #require(manifest.segments.first { $0.layer.size == 3 << 20 })
        try await onPool {
            let store = shelf.store
            let operation = try Operation(store)
            _ = try await store.reencode(
                segment.layer, kind: segment.tensor?.kind, bases: [base], in: operation, isDryRun: false)
            try operation.publishReencoded()
        }
        let new = try fetch("tuned:latest")
        let member = try #require(new.index[segment.layer.digest])
        #expect(new.name != old.name && member.base == base.digest)
        try checkMembers(of: old, in: "tuned")
        try checkMembers(of: new, in: "tuned")
        let registry = try RegistryStore(stage.store)
        _ = try registry.collect(grace: .zero, isDryRun: false)
        #expect(try stage.ask("GET", "/v2/tuned/manifests/\(new.name)").status == 200)
        #expect(try stage.ask("GET", "/v2/tuned/manifests/\(old.name)").status == 404)
        try checkMembers(of: new, in: "tuned")
    }

    @Test func `can be given another tag and mounted elsewhere, as what was pushed can`() async throws {
        try await shelf.bring(ModelMaker.write(ModelMaker.small(), to: stage.scratch["model"]), as: "m")
        let model = try fetch("m:latest")
        for name in [model.artifact.config, model.artifact.manifest, model.artifact.index].map(\.name)
            + model.index.packs.map({ BlobName($0.digest) })
        {
            #expect(try stage.ask("POST", "/v2/team/copy/blobs/uploads/?mount=\(name)&from=m", [], []).status == 201)
        }
        #expect(try stage.put(String(decoding: model.bytes, as: UTF8.self), as: "v1", in: "team/copy").status == 201)
        try shelf.remove("m")
        try shelf.collect()
        _ = try RegistryStore(stage.store).collect(grace: .zero, isDryRun: false)
        #expect(try fetch("team/copy:v1").name == model.name)
        try checkMembers(of: model, in: "team/copy")
    }

    @Test func `gives way to what was pushed under its tag`() async throws {
        try await shelf.bring(ModelMaker.write(ModelMaker.small(), to: stage.scratch["model"]), as: "m")
        let config = Array("{}".utf8)
        try stage.push(config, to: "m")
        #expect(try stage.put(image(config: config), as: "latest", in: "m").status == 201)
        #expect(try stage.ask("GET", "/v2/m/manifests/latest").text == image(config: config))
        try stage.ask("DELETE", "/v2/m/manifests/latest")
        #expect(try fetch("m:latest").artifact.packs.count == 1)
    }

    @Test func `that has a damaged name hides nothing that was pushed`() async throws {
        try await shelf.bring(ModelMaker.write(ModelMaker.small(), to: stage.scratch["model"]), as: "m")
        try stage.push([1, 2], to: "pushed")
        try Data("rot".utf8).write(to: URL(filePath: stage.scratch["store/names/n"]))
        #expect(try stage.ask("GET", "/v2/pushed/blobs/\(sha256([1, 2]))").status == 200)
        #expect(try stage.ask("GET", "/v2/pushed/tags/list").status == 200)
        #expect(throws: CakeError.self) { try RegistryStore(stage.store).collect(grace: .zero, isDryRun: false) }
    }

    @Test func `is made once, however many ask for it`() async throws {
        try await shelf.bring(ModelMaker.write(ModelMaker.small(), to: stage.scratch["model"]), as: "m")
        let clients = try (0..<6).map { _ in try stage.client() }
        for client in clients { try client.send("GET /v2/m/manifests/latest HTTP/1.1\r\nHost: localhost\r\n\r\n") }
        let names = Set(try clients.map { try $0.read().body })
        #expect(names.count == 1)
        #expect(stage.files(in: "repositories/m/models").count == 1)
    }

    @Test func `has a place that every name leads to, or none`() throws {
        func place(_ name: String) throws -> String? { ServedName(try ModelName(name))?.description }
        #expect(try place("gpt2") == "gpt2:latest")
        #expect(try place("mistralai/Mistral-7B-v0.1") == "mistralai/mistral-7b-v0.1:latest")
        #expect(try place("org/name@refs/pr/1") == "org/name:refs-pr-1")
        #expect(try place("registry.local:5000/team/m:v1") == "registry.local-5000/team/m:v1")
        #expect(try place("a..b/c_.d___e--f") == "a-b/c-d-e--f:latest")
        #expect(try place("größe") == "gr-e:latest")
        #expect(try place("Ω") == nil)
    }
}
