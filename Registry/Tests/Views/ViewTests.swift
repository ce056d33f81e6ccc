import Foundation
import Model
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

@Suite struct `A view of a model` {
    private static let shapes = WrittenShape.allCases

    private func stage(
        _ views: ShapeViews = ShapeViews(WrittenShape.allCases),
        _ change: @escaping (inout RegistryServer.Settings) -> Void = { _ in }
    ) throws -> Stage {
        try Stage {
            $0.views = views
            $0.allowsPush = false
            change(&$0)
        }
    }

    @discardableResult
    private func bring(
        _ files: ModelMaker.Files, as name: String, to stage: Stage
    ) async throws -> LocalStore.Named {
        let shelf = try Shelf(at: stage.scratch["store"])
        try await shelf.bring(ModelMaker.write(files, to: stage.scratch["of \(UUID())"]), as: name)
        await stage.server.settle()
        return try stage.store.find(name)
    }

    private func manifest(_ address: String, of stage: Stage) throws -> RegistryManifest {
        let reply = try stage.ask("GET", address)
        try #require(reply.status == 200, "\(reply.text)")
        #expect(reply["content-type"] == RegistryManifest.image)
        #expect(reply["docker-content-digest"] == sha256(reply.body).description)
        return try RegistryManifest(parsing: reply.body.span)
    }

    private func tags(_ repository: String, of stage: Stage) throws -> [String] {
        try stage.ask("GET", "/v2/\(repository)/tags/list").json?["tags"]?.array?.compactMap(\.string) ?? []
    }

    @Test(arguments: shapes) func `is sent to the bit, and nothing of it is written`(shape: WrittenShape) async throws {
        let stage = try stage()
        let files = try ModelMaker.small()
        let named = try await bring(files, as: "org/m", to: stage)
        let before = stage.files(in: "")
        let manifest = try manifest("/v2/org/m/manifests/latest-\(shape.rawValue)", of: stage)
        let model = try await stage.store.shaped(named, as: shape)
        #expect(try RegistryManifest(parsing: model.manifest.span).layers == manifest.layers)
        for blob in manifest.named {
            let address = "/v2/org/m/blobs/\(blob.name)"
            let whole = try stage.ask("GET", address)
            #expect(whole.status == 200 && sha256(whole.body) == blob.name && UInt64(whole.body.count) == blob.size)
            #expect(whole["etag"] == "\"\(blob.name)\"")
            let head = try stage.ask("HEAD", address)
            #expect(head.status == 200 && head.body.isEmpty && head["content-length"] == "\(blob.size)")
            for start in stride(from: 0, to: Int(blob.size), by: max(1, Int(blob.size) / 5)) {
                let end = min(Int(blob.size), start + 700)
                let part = try stage.ask("GET", address, [("Range", "bytes=\(start)-\(end - 1)")])
                #expect(part.status == 206 && part.body == Array(whole.body[start..<end]))
                #expect(part["content-range"] == "bytes \(start)-\(end - 1)/\(blob.size)")
            }
            #expect(try stage.ask("GET", address, [("Range", "bytes=\(blob.size + 1)-")]).status == 416)
        }
        #expect(stage.files(in: "") == before)
    }

    @Test func `is shown by its digest, too`() async throws {
        let stage = try stage()
        try await bring(ModelMaker.small(), as: "org/m", to: stage)
        for shape in Self.shapes {
            let reply = try stage.ask("GET", "/v2/org/m/manifests/latest-\(shape.rawValue)")
            let again = try stage.ask("GET", "/v2/org/m/manifests/\(sha256(reply.body))")
            #expect(again.status == 200 && again.body == reply.body)
            #expect(try stage.ask("GET", "/v2/org/other/manifests/\(sha256(reply.body))").status == 404)
        }
    }

    @Test func `is listed and found only where it was asked for`() async throws {
        let all = try stage()
        try await bring(ModelMaker.small(), as: "org/m", to: all)
        #expect(try tags("org/m", of: all) == ["latest", "latest-image", "latest-modelpack"])
        let one = try stage(try ShapeViews("image=.oci"))
        try await bring(ModelMaker.small(), as: "org/m@v1", to: one)
        #expect(try tags("org/m", of: one) == ["v1", "v1.oci"])
        #expect(try one.ask("GET", "/v2/org/m/manifests/v1.oci").status == 200)
        #expect(try one.ask("GET", "/v2/org/m/manifests/v1-modelpack").status == 404)
        let none = try stage(.off)
        let named = try await bring(ModelMaker.small(), as: "org/m", to: none)
        #expect(try tags("org/m", of: none) == ["latest"])
        #expect(try none.ask("GET", "/v2/org/m/manifests/latest-image").status == 404)
        let layer = try #require(try await none.store.shaped(named, as: .modelpack).layers.first).descriptor.name
        #expect(try none.ask("GET", "/v2/org/m/blobs/\(layer)").status == 404)
    }

    @Test func `comes after a pushed tag, and after a model with that tag`() async throws {
        let stage = try stage { $0.allowsPush = true }
        try await bring(ModelMaker.small(), as: "org/m@v1", to: stage)
        try await bring(ModelMaker.small(seed: 2), as: "org/m@v1-image", to: stage)
        let own = try stage.ask("GET", "/v2/org/m/manifests/v1-image")
        #expect(try RegistryManifest(parsing: own.body.span).artifactType == ModelArtifact.artifactType)
        let pushed = image(config: Array("{}".utf8))
        try stage.push(Array("{}".utf8), to: "org/m")
        #expect(try stage.put(pushed, as: "v1-modelpack", in: "org/m").status == 201)
        #expect(try stage.ask("GET", "/v2/org/m/manifests/v1-modelpack").text == pushed)
    }

    @Test func `is 404 until its layers are hashed, and is hashed when the model arrives`() async throws {
        let stage = try stage(.off)
        try await bring(ModelMaker.small(), as: "org/m", to: stage)
        let registry = try RegistryStore(stage.store, views: ShapeViews(Self.shapes))
        let (tag, name) = (try #require(TagName("latest-image")), try #require(RepositoryName("org/m")))
        guard case .coming = registry.view(tag, in: name) else {
            Issue.record("the layers are not hashed yet")
            return
        }
        let making = ViewMaking(registry, on: Stage.pool)
        await making.settle()
        guard case .view = registry.view(tag, in: name) else {
            Issue.record("the layers are hashed")
            return
        }
    }

    @Test func `says why a model cannot have a shape`() async throws {
        let stage = try stage()
        var files = try ModelMaker.small()
        files[".wh.config.json"] = [1]
        try await bring(files, as: "org/m", to: stage)
        #expect(try tags("org/m", of: stage) == ["latest", "latest-modelpack"])
        let reply = try stage.ask("GET", "/v2/org/m/manifests/latest-image")
        #expect(reply.status == 404 && reply.text.contains("means there that a file was deleted"))
    }

    @Test func `of an earlier version can be pulled to its end, and of a removed model not`() async throws {
        let stage = try stage()
        try await bring(ModelMaker.small(), as: "org/m", to: stage)
        let bytes = try stage.ask("GET", "/v2/org/m/manifests/latest-image").body
        let layer = try #require(try RegistryManifest(parsing: bytes.span).layers.first)
        try await bring(ModelMaker.small(seed: 2), as: "org/m", to: stage)
        #expect(try stage.ask("GET", "/v2/org/m/manifests/latest-image").body != bytes)
        let address = "/v2/org/m/blobs/\(layer.name)"
        #expect(try stage.ask("GET", "/v2/org/m/manifests/\(sha256(bytes))").status == 200)
        #expect(sha256(try stage.ask("GET", address).body) == layer.name)
        try Shelf(at: stage.scratch["store"]).remove("org/m")
        for address in [address, "/v2/org/m/manifests/\(sha256(bytes))", "/v2/org/m/manifests/latest-image"] {
            #expect(try stage.ask("GET", address).status == 404, "\(address)")
        }
    }

    @Test func `is no blob that a pusher may leave out`() async throws {
        let stage = try stage { $0.allowsPush = true }
        try await bring(ModelMaker.small(), as: "org/m", to: stage)
        let bytes = try stage.ask("GET", "/v2/org/m/manifests/latest-image").body
        let layer = try #require(try RegistryManifest(parsing: bytes.span).layers.first)
        #expect(try stage.ask("GET", "/v2/org/m/blobs/\(layer.name)").status == 200)
        #expect(try stage.ask("HEAD", "/v2/org/m/blobs/\(layer.name)").status == 404)
        for target in ["org/m", "org/copy"] {
            let mount = "/v2/\(target)/blobs/uploads/?mount=\(layer.name)&from=org/m"
            #expect(try stage.ask("POST", mount, [], []).status == 202)
            #expect(try stage.put(String(decoding: bytes, as: UTF8.self), as: "copy", in: target).status == 404)
        }
    }
}
