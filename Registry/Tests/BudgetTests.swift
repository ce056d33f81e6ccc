import Foundation
import Model
import Network
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// The memory and disk space that clients can make a server use.
@Suite struct `What a server holds for clients` {
    @Test(arguments: ["POST /v2/_cake/has", "PUT /v2/a/b/manifests/v1", "POST /api/models/a/b/paths-info/main"])
    func `of bodies that do not end has an end`(_ line: String) throws {
        let stage = try Stage {
            $0.limits.heldBytes = 1 << 20
            $0.limits.heldBytesPerClient = 1 << 20
        }
        let words = line.split(separator: " ").map(String.init)
        let body = [UInt8](repeating: UInt8(ascii: " "), count: 600_000)
        func status() throws -> Int { try stage.ask(words[0], words[1], [], body).status }
        #expect(try status() != 503)
        do {
            // One that comes while the question's own body is held is refused itself: another is begun.
            var slow: [Client] = []
            try waits(until: "the server has no room left") {
                slow.append(try stage.client())
                try slow.last?.send("\(line) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n")
                try slow.last?.send(body)
                return try status() == 503
            }
            let refused = try stage.ask(words[0], words[1], [], body)
            #expect(refused["retry-after"] == "1")
            // A client that claims much and sends little takes little.
            #expect(try stage.ask("POST", "/v2/_cake/has", [], Array(#"{"digests":[]}"#.utf8)).status == 200)
        }
        try waits(until: "the room is free again") { try status() != 503 }
    }

    @Test func `of answers that nobody reads has an end`() throws {
        let stage = try Stage {
            $0.limits.heldBytes = 2 << 20
            $0.limits.heldBytesPerClient = 2 << 20
        }
        let config = Array("{}".utf8)
        try stage.push(config)
        let note = String(repeating: "x", count: 1_500_000)
        #expect(try stage.put(image(config: config, ",\"annotations\":{\"note\":\"\(note)\"}"), as: "v1").status == 201)
        func status() throws -> Int { try stage.ask("HEAD", "/v2/a/b/manifests/v1").status }
        do {
            let slow = try (0..<4).map { _ in try Client(port: stage.server.address.port, buffer: 4096) }
            for client in slow { try client.send("GET /v2/a/b/manifests/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n") }
            #expect(try status() == 200)
            let answers = try slow.map { try $0.read().status }
            #expect(answers.contains(200))
        }
        try waits(until: "the room is free again") {
            try stage.ask("GET", "/v2/a/b/manifests/v1").status == 200
        }
    }

    @Test func `of an answer that is longer than all of it is nothing`() throws {
        let stage = try Stage {
            $0.limits.heldBytes = 1 << 20
            $0.limits.heldBytesPerClient = 1 << 20
        }
        let config = Array("{}".utf8)
        try stage.push(config)
        let note = String(repeating: "x", count: 1_500_000)
        let text = Array(image(config: config, ",\"annotations\":{\"note\":\"\(note)\"}").utf8)
        let stored = RegistryStore.StoredManifest(
            name: sha256(text), mediaType: RegistryManifest.image, bytes: text)
        let lack = try RegistryStore(stage.store).put(
            RegistryManifest(parsing: text.span), stored, tags: [#require(TagName("v1"))],
            in: #require(RepositoryName("a/b")))
        #expect(lack == nil)
        let reply = try stage.ask("GET", "/v2/a/b/manifests/v1")
        #expect(reply.status == 503 && reply["retry-after"] == "1")
        #expect(try stage.ask("HEAD", "/v2/a/b/manifests/v1").status == 200)
    }

    @Test func `of layers without their bases is one file a layer, and has an end`() async throws {
        let stage = try Stage { $0.temporaryBytes = 1 }
        let shelf = try Shelf(at: stage.scratch["store"])
        func files(_ changed: Bool, _ seed: UInt64) throws -> ModelMaker.Files {
            var bytes = seededBytes(12 << 20, seed: seed, .random)
            if changed { for index in stride(from: 0, to: bytes.count, by: 4096) { bytes[index] ^= 1 } }
            let tensor = Tensor(name: "a", dtype: .bf16, shape: [UInt64(bytes.count / 2)])
            return ["model.safetensors": try ModelMaker.safetensors([.init(tensor, bytes)])]
        }
        for seed in 1...2 as ClosedRange<UInt64> {
            try await shelf.bring(
                ModelMaker.write(files(false, seed), to: stage.scratch["base\(seed)"]), as: "base\(seed)", bases: .none)
            try await shelf.bring(
                ModelMaker.write(files(true, seed), to: stage.scratch["tune\(seed)"]), as: "tune\(seed)",
                bases: .of(ModelName("base\(seed)")))
        }
        let layers = try ["tune1", "tune2"].map { name in
            try #require(try shelf.layers(of: name).max { $0.size < $1.size }).digest.hex
        }
        let address = "/v2/_cake/layers/sha256:\(layers[0])"
        do {
            let slow = try (0..<6).map { _ in try Client(port: stage.server.address.port, buffer: 4096) }
            for client in slow { try client.send("GET \(address) HTTP/1.1\r\nHost: localhost\r\n\r\n") }
            for client in slow {
                let begun = try client.readBody(upTo: 64)
                #expect(Array(begun[32..<64]) == Digest(hex: layers[0])?.bytes)
            }
            let held = stage.server.temporaryBytes
            #expect(held > 1 << 20 && held < 14 << 20, "\(held) bytes are held")
            let other = try stage.ask("GET", "/v2/_cake/layers/sha256:\(layers[1])")
            #expect(other.status == 503 && other["retry-after"] == "1")
        }
        try waits(until: "the files without a name are gone") { stage.server.temporaryBytes == 0 }
        #expect(try stage.ask("GET", "/v2/_cake/layers/sha256:\(layers[1])").status == 200)
    }
}
