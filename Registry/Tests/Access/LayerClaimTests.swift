import Foundation
import Model
import Platform
import Server
import Storage
import Store
import Support
import Testing

/// Layers that a pushed manifest only names give no right to their bytes.
@Suite struct `A claim to a layer` {
    private let stage: Stage
    private let shelf: Shelf
    private let secret: String

    init() async throws {
        stage = try Stage()
        shelf = try Shelf(at: stage.scratch["store"])
        let files = try ModelMaker.small()
        try await shelf.bring(ModelMaker.write(files, to: stage.scratch["secret"]), as: "secret/model")
        secret = try RegistryStore(stage.store).addToken("team", read: [], push: [RepositoryPattern("team/*")])
    }

    private func ask(
        _ method: String, _ address: String, _ body: [UInt8]? = nil, type: String = RegistryManifest.image
    ) throws -> Client.Reply {
        try stage.ask(method, address, [("Authorization", "Bearer \(secret)"), ("Content-Type", type)], body)
    }

    private func push(_ bytes: [UInt8]) throws -> String {
        let reply = try ask("POST", "/v2/team/x/blobs/uploads/?digest=\(sha256(bytes))", bytes)
        #expect(reply.status == 201)
        return descriptor(bytes).replacing("application/octet-stream", with: "TYPE")
    }

    private func text(_ manifest: String, _ index: String, _ packs: [String] = []) throws -> [UInt8] {
        func typed(_ descriptor: String, _ type: String) -> String { descriptor.replacing("TYPE", with: type) }
        let config = typed(try push(Array("{}".utf8)), ModelArtifact.configType)
        let layers =
            [typed(manifest, ModelArtifact.manifestType), typed(index, ModelArtifact.indexType)]
            + packs.map { typed($0, ModelArtifact.packType) }
        return Array(
            #"{"schemaVersion":2,"mediaType":"\#(RegistryManifest.image)","artifactType":"\#(ModelArtifact.artifactType)","config":\#(config),"layers":[\#(layers.joined(separator: ","))]}"#
                .utf8)
    }

    private func put(_ text: [UInt8]) throws -> Client.Reply { try ask("PUT", "/v2/team/x/manifests/v1", text) }

    /// As a server took it that did not compare a model with its packs.
    private func take(_ text: [UInt8]) throws {
        let stored = RegistryStore.StoredManifest(
            name: sha256(text), mediaType: RegistryManifest.image, bytes: text)
        let lack = try RegistryStore(stage.store).put(
            RegistryManifest(parsing: text.span), stored, tags: [#require(TagName("v1"))],
            in: #require(RepositoryName("team/x")))
        #expect(lack == nil)
    }

    @Test func `gives nothing of the store's`() throws {
        let model = try stage.store.find("secret/model").record.manifest
        let text = ManifestText.encode(try stage.store.manifest(model))
        let layer = try #require(try shelf.layers(of: "secret/model").max { $0.size < $1.size }).digest.hex
        let empty = try PackIndex(packs: [], members: [])
        let claim = try self.text(try push(text), try push(empty.encoded))
        #expect(try put(claim).status == 400)
        try take(claim)
        #expect(try ask("GET", "/v2/_cake/search").text.contains("team/x"))
        let has = try ask("POST", "/v2/_cake/has", Array(#"{"digests":["sha256:\#(layer)"]}"#.utf8))
        #expect(has.text == #"{"has":[]}"#)
        #expect(try ask("GET", "/v2/_cake/layers/sha256:\(layer)").status == 404)
    }

    @Test func `ends with the manifest that it names`() throws {
        let model = try stage.store.find("secret/model").record.manifest
        let text = ManifestText.encode(try stage.store.manifest(model))
        try take(try self.text(try push(text), try push(PackIndex(packs: [], members: []).encoded)))
        let difference = "/v2/_cake/difference?from=team/x:v1&to=team/x:v1"
        #expect(try ask("GET", difference).status == 200)
        #expect(try ask("DELETE", "/v2/team/x/blobs/sha256:\(model.hex)").status == 202)
        #expect(try ask("GET", difference).status == 404)
        #expect(try ask("GET", "/v2/_cake/search").text == #"{"models":[]}"#)
    }

    @Test(arguments: ["[]", #"["http://elsewhere.example/"]"#])
    func `by the digest of a manifest shows nothing of it`(urls: String) throws {
        let model = try stage.store.find("secret/model").record.manifest
        let empty = try push(try PackIndex(packs: [], members: []).encoded)
        let size = ManifestText.encode(try stage.store.manifest(model)).count
        let claim = #"{"mediaType":"TYPE","digest":"sha256:\#(model.hex)","size":\#(size),"urls":\#(urls)}"#
        let reply = try put(try text(claim, empty))
        if urls == "[]" { #expect(reply.status == 404 && reply.code == "MANIFEST_BLOB_UNKNOWN") }
        #expect(try ask("GET", "/v2/_cake/difference?from=team/x:v1&to=team/x:v1").status == 404)
        #expect(try ask("GET", "/v2/_cake/search").text == #"{"models":[]}"#)
    }

    @Test func `is good for what its packs hold`() async throws {
        let scratch = try Scratch()
        let maker = try Maker(in: scratch)
        let login = try RegistryLogin(user: "anyone", password: secret)
        let digest = try await maker.push(ModelMaker.small(seed: 5), to: "team/y", "v1", of: stage, login: login)
        for layer in try maker.shelf.store.manifest(digest).layers where layer.size > 0 {
            let reply = try ask("GET", "/v2/_cake/layers/sha256:\(layer.digest.hex)")
            #expect(reply.status == 200 && Array(reply.body[32..<64]) == layer.digest.bytes)
        }
    }
}
