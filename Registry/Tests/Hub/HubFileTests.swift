import Foundation
import Model
import Platform
import Server
import Store
import Support
import Testing

/// Files for clients of the Hub.
@Suite struct `A file of a model, asked for as of the Hub` {
    private let stage: Stage
    private let shelf: Shelf

    init() throws {
        stage = try Stage()
        shelf = try Shelf(at: stage.scratch["store"])
    }

    private func bring(_ files: ModelMaker.Files, as name: String) async throws {
        try await shelf.bring(
            ModelMaker.write(files, to: stage.scratch["of " + name.replacing("/", with: " ")]), as: name)
    }

    /// Git's name of a small file, as git says it.
    private func git(_ bytes: [UInt8]) -> String { GitHash.digest(of: bytes.span).hex }

    @Test func `comes as it was imported, whatever way it is stored`() async throws {
        let files = try ModelMaker.small()
        try await bring(files, as: "org/model")
        for (path, bytes) in files {
            let reply = try stage.ask("GET", "/org/model/resolve/main/\(path)")
            #expect(reply.status == 200 && reply.body == bytes, "\(path)")
        }
    }

    @Test func `says what huggingface_hub reads from a head, and the same whichever way it is asked for`() async throws
    {
        let files = try ModelMaker.small()
        try await bring(files, as: "org/model")
        let manifest = try shelf.store.find("org/model").record.manifest
        for (path, bytes) in files {
            let isLarge = path.hasSuffix(".safetensors")
            let etag = isLarge ? "\"\(SHA256.digest(of: bytes.span).hex)\"" : "\"\(git(bytes))\""
            for method in ["HEAD", "GET"] {
                let reply = try stage.ask(method, "/org/model/resolve/main/\(path)", [("Accept-Encoding", "identity")])
                #expect(reply["etag"] == etag && reply["x-repo-commit"] == String(manifest.hex.prefix(40)), "\(path)")
                #expect(reply["content-length"] == "\(bytes.count)" && reply["accept-ranges"] == "bytes")
                #expect(reply["x-linked-etag"] == (isLarge ? etag : nil))
                #expect(reply["x-linked-size"] == (isLarge ? "\(bytes.count)" : nil))
                #expect(reply["content-encoding"] == nil && reply["x-xet-hash"] == nil)
            }
        }
    }

    @Test func `has a byte of git's own counting for its name`() async throws {
        try await bring(["a.txt": Array("hello\n".utf8)], as: "org/model")
        // As `git hash-object` prints it.
        let reply = try stage.ask("HEAD", "/org/model/resolve/main/a.txt")
        #expect(reply["etag"] == "\"ce013625030ba8dba906f756967f9e9ca394464a\"")
    }

    @Test func `is cut where a range says, over the bounds of layers and pieces`() async throws {
        let seed = UInt64.random(in: 0..<1 << 32)
        print("seed \(seed)")
        var random = SeededNumbers(seed: seed)
        let parts = (0..<12).map { index in
            ModelMaker.Part(
                "t\(index)", bytes: [1 << 20, 3000, (2 << 20) + 512, 2][index % 4], seed: UInt64(index), .mixed)
        }
        let bytes = try ModelMaker.safetensors(parts)
        try await bring(["model.safetensors": bytes], as: "org/model")
        let client = try stage.client()
        for _ in 0..<60 {
            let start = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, start + Int.random(in: 1..<(3 << 20), using: &random))
            let reply = try client.ask(
                "GET", "/org/model/resolve/main/model.safetensors", [("Range", "bytes=\(start)-\(end - 1)")])
            #expect(reply.status == 206 && reply["content-range"] == "bytes \(start)-\(end - 1)/\(bytes.count)")
            try #require(reply.body == Array(bytes[start..<end]), "seed \(seed), \(start)..<\(end)")
        }
        let last = try client.ask("GET", "/org/model/resolve/main/model.safetensors", [("Range", "bytes=-5")])
        #expect(last.status == 206 && last.body == Array(bytes.suffix(5)))
        let beyond = try client.ask(
            "GET", "/org/model/resolve/main/model.safetensors", [("Range", "bytes=\(bytes.count)-")])
        #expect(beyond.status == 416 && beyond["content-range"] == "bytes */\(bytes.count)")
    }

    @Test func `comes whole to many at once, and out of deltas`() async throws {
        func model(_ changed: UInt64) throws -> ModelMaker.Files {
            var first = seededBytes(6 << 20, seed: 1, .mixed)
            if changed > 0 { for index in stride(from: 0, to: first.count, by: 4096) { first[index] ^= 1 } }
            let part = ModelMaker.Part(Tensor(name: "a", dtype: .bf16, shape: [UInt64(first.count / 2)]), first)
            return ["model.safetensors": try ModelMaker.safetensors([part, .init("b", bytes: 512, seed: changed)])]
        }
        try await bring(model(0), as: "org/base")
        try await bring(model(1), as: "org/tune")
        let tune = try shelf.layers(of: "org/tune")
        #expect(try tune.contains { try shelf.store.base(of: $0) != nil }, "nothing is stored as a delta")
        let wanted = try ["base": model(0), "tune": model(1)].mapValues { $0["model.safetensors"] }
        let port = stage.server.address.port
        // Not the server's pool: its answers would wait for clients that wait for them.
        let clients = BlockingPool(threads: 12)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<12 {
                let name = index % 2 == 0 ? "base" : "tune"
                group.addTask(executorPreference: clients) {
                    let reply = try Client(port: port).ask("GET", "/org/\(name)/resolve/main/model.safetensors")
                    return reply.body == wanted[name]
                }
            }
            for try await isSame in group { #expect(isSame) }
        }
    }

    @Test func `is not sent again to who has it`() async throws {
        try await bring(ModelMaker.small(), as: "org/model")
        let address = "/org/model/resolve/main/config.json"
        let etag = try #require(stage.ask("HEAD", address)["etag"])
        for header in [etag, "W/" + etag, "\"x\", " + etag, "*"] {
            let reply = try stage.ask("GET", address, [("If-None-Match", header)])
            #expect(reply.status == 304 && reply["etag"] == etag && reply.body.isEmpty, "\(header)")
        }
        #expect(try stage.ask("GET", address, [("If-None-Match", "\"x\"")]).status == 200)
        let other = try stage.ask("GET", address, [("Range", "bytes=1-2"), ("If-Range", "\"x\"")])
        #expect(other.status == 200, "a range of another content was given out")
        #expect(try stage.ask("GET", address, [("Range", "bytes=1-2"), ("If-Range", etag)]).status == 206)
    }

    @Test func `is a pointer where git would show it`() async throws {
        let files = try ModelMaker.small()
        try await bring(files, as: "org/model")
        let bytes = try #require(files["model.safetensors"])
        let reply = try stage.ask("GET", "/org/model/raw/main/model.safetensors")
        let digest = SHA256.digest(of: bytes.span)
        #expect(reply.text == "version https://git-lfs.github.com/spec/v1\noid sha256:\(digest)\nsize \(bytes.count)\n")
        #expect(try stage.ask("GET", "/org/model/raw/main/config.json").body == files["config.json"])
    }

    @Test func `ends short when a layer is damaged, and never holds a wrong byte`() async throws {
        let bytes = try ModelMaker.safetensors([
            .init("a", bytes: 8 << 20, seed: 1), .init("b", bytes: 4 << 20, seed: 2),
        ])
        try await bring(["model.safetensors": bytes], as: "org/model")
        let layer = try #require(shelf.layers(of: "org/model").first { $0.size == 8 << 20 })
        let path = shelf.object(layer.digest)
        let url = URL(filePath: path)
        var object = try Data(contentsOf: url)
        object[object.count / 2] ^= 0x55
        try FileManager.default.removeItem(at: url)
        try object.write(to: url)
        #expect(throws: CakeError.self) { try stage.ask("GET", "/org/model/resolve/main/model.safetensors") }
        let reply = try stage.ask("GET", "/org/model/resolve/main/model.safetensors", [("Range", "bytes=0-99999")])
        #expect(reply.body == Array(bytes[..<100_000]))
    }
}
