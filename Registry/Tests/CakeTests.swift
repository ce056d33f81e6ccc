import Foundation
import Model
import Platform
import Store
import Support
import Testing
import Transfer

@Suite struct `What only cake knows` {
    private let stage: Stage
    private let shelf: Shelf

    init() async throws {
        stage = try Stage()
        shelf = try Shelf(at: stage.scratch["store"])
        func files(_ changed: Bool) throws -> ModelMaker.Files {
            var bytes = seededBytes(2 << 20, seed: 1, .mixed)
            if changed { for index in stride(from: 0, to: bytes.count, by: 4096) { bytes[index] ^= 1 } }
            let tensor = Tensor(name: "a", dtype: .bf16, shape: [1 << 20])
            let other = ModelMaker.Part("b", bytes: 2048, seed: 2)
            return ["model.safetensors": try ModelMaker.safetensors([.init(tensor, bytes), other])]
        }
        try await shelf.bring(ModelMaker.write(files(false), to: stage.scratch["base"]), as: "team/base", bases: .none)
        try await shelf.bring(
            ModelMaker.write(files(true), to: stage.scratch["tuned"]), as: "team/tuned",
            bases: .of(ModelName("team/base")))
    }

    private func layer(_ model: String) throws -> Layer {
        try #require(try shelf.layers(of: model).first { $0.size == 2 << 20 })
    }

    @Test func `is which layers are here, many at once`() throws {
        let here = try shelf.layers(of: "team/tuned").map { "\"sha256:\($0.digest.hex)\"" }
        let nowhere = "\"sha256:\(String(repeating: "ab", count: 32))\""
        let body = #"{"digests":[\#(([nowhere] + here).joined(separator: ","))]}"#
        let reply = try stage.ask("POST", "/v2/_cake/has", [], Array(body.utf8))
        #expect(reply.text == #"{"has":[\#(here.joined(separator: ","))]}"#)
        for wrong in ["", "[]", #"{"digests":["sha256:12"]}"#, #"{"digests":[1]}"#] {
            #expect(try stage.ask("POST", "/v2/_cake/has", [], Array(wrong.utf8)).status == 400)
        }
    }

    @Test func `is who has a layer`() throws {
        let tuned = try layer("team/tuned").digest.hex
        let one = try stage.ask("GET", "/v2/_cake/layers/sha256:\(tuned)/models").text
        #expect(one.contains("team/tuned") && one.contains(#""tensor":"a""#) && !one.contains("team/base"))
        let shared = try #require(
            Set(shelf.layers(of: "team/base")).intersection(try shelf.layers(of: "team/tuned")).first {
                $0.size == 2048
            })
        let both = try stage.ask("GET", "/v2/_cake/layers/sha256:\(shared.digest.hex)/models").text
        #expect(both.contains("team/tuned") && both.contains("team/base"))
        #expect(try stage.ask("GET", "/v2/_cake/layers/sha256:12/models").code == "DIGEST_INVALID")
    }

    @Test func `is a layer without its base`() throws {
        let layer = try layer("team/tuned")
        let reply = try stage.ask("GET", "/v2/_cake/layers/sha256:\(layer.digest.hex)")
        #expect(reply.status == 200 && reply["content-type"] == "application/vnd.cake.object.v1")
        // The flag in its first frame that says that a base follows.
        #expect(Array(reply.body[32..<64]) == layer.digest.bytes && reply.body[16] == 0)
        #expect(reply.body.count > 1 << 19)
        let base = try self.layer("team/base")
        let object = try stage.ask("GET", "/v2/_cake/layers/sha256:\(base.digest.hex)").body
        #expect(object == Array(try Data(contentsOf: URL(filePath: shelf.object(base.digest)))))
        #expect(try stage.ask("GET", "/v2/_cake/layers/sha256:\(String(repeating: "ab", count: 32))").status == 404)
        #expect(try shelf.entries("incoming").isEmpty)
    }

    @Test func `is what two models have in common`() throws {
        let reply = try stage.ask("GET", "/v2/_cake/difference?from=team/base&to=team/tuned:latest").text
        #expect(reply.contains(#""tensors":{"same":1,"changed":1}"#))
        for model in ["team/base", "team/tuned"] { #expect(try reply.contains(layer(model).digest.hex)) }
        #expect(try stage.ask("GET", "/v2/_cake/difference?from=team/base").status == 400)
        #expect(try stage.ask("GET", "/v2/_cake/difference?from=team/base&to=nothing").status == 404)
    }

    @Test func `is which models there are, pushed ones too`() throws {
        let manifest = try stage.ask("GET", "/v2/team/base/manifests/latest").body
        for descriptor in try RegistryManifest(parsing: manifest.span).needed {
            let mount = "mount=\(descriptor.name)&from=team/base"
            #expect(try stage.ask("POST", "/v2/x/pushed/blobs/uploads/?\(mount)", [], []).status == 201)
        }
        #expect(try stage.put(String(decoding: manifest, as: UTF8.self), as: "v1", in: "x/pushed").status == 201)
        let all = try stage.ask("GET", "/v2/_cake/search").text
        #expect(all.contains("team/base") && all.contains("team/tuned") && all.contains("x/pushed"))
        let some = try stage.ask("GET", "/v2/_cake/search?q=TEAM%20tun").text
        #expect(some.contains("team/tuned") && !some.contains("team/base") && some.contains(#""tensors":2"#))
    }

    @Test func `is written down, all of it and nothing else`() throws {
        let top = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/openapi.yaml")
        let lines = try String(contentsOf: top, encoding: .utf8).split(separator: "\n")
        let paths = lines.filter { $0.hasPrefix("  /") }.map { String($0.dropFirst(2).dropLast()) }
        #expect(Set(paths) == Set(CakeRoute.paths + PeerRoute.paths + ["/healthz", "/readyz", "/metrics"]))
        let digest = "sha256:" + (try layer("team/base").digest.hex)
        // Without a ring these are not there.
        for path in paths where !PeerRoute.paths.contains(path) {
            let method = path == "/v2/_cake/has" ? "POST" : "GET"
            let commit = try shelf.store.find("team/base").record.manifest.hex.prefix(40)
            let queries = [
                "difference": "?from=team/base&to=team/tuned", "published": "?kind=model&id=team/base&commit=\(commit)",
            ]
            let query = path.split(separator: "/").last.flatMap { queries[String($0)] } ?? ""
            let body = method == "POST" ? Array(#"{"digests":[]}"#.utf8) : nil
            let address = path.replacingOccurrences(of: "{digest}", with: digest) + query
            #expect(try stage.ask(method, address, [], body).status == 200, "\(address)")
        }
        #expect(try stage.ask("GET", "/v2/_cake/other").status == 404)
        #expect(try stage.ask("DELETE", "/v2/_cake/search").status == 405)
    }
}
