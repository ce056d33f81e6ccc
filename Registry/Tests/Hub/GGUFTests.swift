import Foundation
import Model
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// llama.cpp and ramalama send a registry's request and expect a file of the Hub.
@Suite struct `A model in GGUF files` {
    private let stage: Stage
    private let shelf: Shelf
    private static let files: ModelMaker.Files = [
        "README.md": [1], "Tiny-Q8_0.gguf": [2], "Tiny-Q4_K_M.gguf": [3, 3], "Tiny-IQ4_XS.gguf": [4],
        "F16/Tiny-F16-00001-of-00002.gguf": [5], "F16/Tiny-F16-00002-of-00002.gguf": [6],
        "UD-Q6_K/Tiny.gguf": [9], "Tiny_Q5_0.gguf": [10], "Tiny-Q5_1-00002-of-00002.gguf": [11],
        "mmproj-F16.gguf": [7], "mmproj-BF16.gguf": [8],
    ]
    private let llama = ("User-Agent", "llama-cpp")

    init() throws {
        stage = try Stage()
        shelf = try Shelf(at: stage.scratch["store"])
    }

    private func bring(_ files: ModelMaker.Files, as name: String) async throws {
        let folder = stage.scratch["of " + name.replacing("/", with: " ")]
        try await shelf.bring(ModelMaker.write(files, to: folder), as: name)
    }

    @Test func `is found by its quantization`() async throws {
        try await bring(Self.files, as: "Org/Tiny")
        for (tag, path) in [
            ("latest", "Tiny-Q4_K_M.gguf"), ("Q4_K_M", "Tiny-Q4_K_M.gguf"), ("q8_0", "Tiny-Q8_0.gguf"),
            ("IQ4_XS", "Tiny-IQ4_XS.gguf"), ("F16", "F16/Tiny-F16-00001-of-00002.gguf"),
            ("Q6_K", "UD-Q6_K/Tiny.gguf"), ("Q5_0", "Tiny_Q5_0.gguf"),
        ] {
            let reply = try stage.ask("GET", "/v2/Org/Tiny/manifests/\(tag)", [llama])
            let file = reply.json?["ggufFile"]
            #expect(reply.status == 200 && file?["rfilename"]?.string == path, "\(tag): \(reply.text)")
            let bytes = Self.files[path] ?? []
            #expect(file?["size"]?.unsigned == UInt64(bytes.count))
            let digest = SHA256.digest(of: bytes.span).hex
            #expect(file?["blobId"]?.string == "sha256:\(digest)" && file?["lfs"]?["sha256"]?.string == digest)
            #expect(reply.json?["mmprojFile"]?["rfilename"]?.string == "mmproj-F16.gguf")
            #expect(reply["vary"] == "User-Agent" && reply["docker-content-digest"] == nil && reply["etag"] == nil)
            #expect(try stage.ask("GET", "/Org/Tiny/resolve/main/\(path)", [llama]).body == bytes)
        }
        for tag in ["Q4_K", "Q4_XS", "Q2_K", "M", "Q5_1"] {
            let reply = try stage.ask("GET", "/v2/Org/Tiny/manifests/\(tag)", [llama])
            #expect(reply.status == 400 && reply["vary"] == "User-Agent", "\(tag): \(reply.text)")
        }
        try await bring(["only.gguf": [1]], as: "org/only")
        let only = try stage.ask("GET", "/v2/org/only/manifests/latest", [llama]).json
        #expect(only?["ggufFile"]?["rfilename"]?.string == "only.gguf" && only?["mmprojFile"] == nil)
        #expect(try stage.ask("HEAD", "/v2/Org/Tiny/manifests/latest", [llama]).status == 200)
        #expect(try stage.ask("GET", "/v2/Org/None/manifests/latest", [llama]).status == 404)
    }

    @Test func `is a manifest to every other client, and by its digest`() async throws {
        try await bring(Self.files, as: "org/tiny")
        let plain = try stage.ask("GET", "/v2/org/tiny/manifests/latest")
        let digest = try #require(plain["docker-content-digest"])
        #expect(plain["vary"] == "User-Agent" && plain.json?["ggufFile"] == nil)
        let named = try stage.ask("GET", "/v2/org/tiny/manifests/latest", [llama])
        #expect(named.json?["ggufFile"] != nil)
        let byDigest = try stage.ask("GET", "/v2/org/tiny/manifests/\(digest)", [llama])
        #expect(byDigest.body == plain.body && byDigest["docker-content-digest"] == digest && byDigest["vary"] == nil)
        // A repository without GGUF files is the same for all clients.
        try await bring(ModelMaker.small(), as: "org/other")
        let other = try stage.ask("GET", "/v2/org/other/manifests/latest", [llama])
        #expect(other.status == 200 && other["docker-content-digest"] != nil && other["vary"] == "User-Agent")
        try stage.push(Array("{}".utf8))
        try stage.put(image(config: Array("{}".utf8)), as: "v1")
        #expect(try stage.ask("GET", "/v2/a/b/manifests/v1", [llama])["docker-content-digest"] != nil)
    }

    @Test func `is given to who may read it`() async throws {
        try await bring(Self.files, as: "secret/tiny")
        let registry = try RegistryStore(stage.store)
        let stranger = try registry.addToken("stranger", read: [RepositoryPattern("team/*")], push: [])
        let reader = try registry.addToken("reader", read: [RepositoryPattern("secret/*")], push: [])
        func ask(_ token: String?) throws -> Int {
            let headers = token.map { [("Authorization", "Bearer \($0)")] } ?? []
            return try stage.ask("GET", "/v2/secret/tiny/manifests/latest", [llama] + headers).status
        }
        #expect(try ask(nil) == 401 && ask("cake_wrong") == 401)
        #expect([403, 404].contains(try ask(stranger)))
        #expect(try ask(reader) == 200)
    }
}
