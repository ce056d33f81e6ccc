import Foundation
import Model
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// Servers that share nothing but a storage.
@Suite struct `Two servers over one storage` {
    private let config = Array("{}".utf8)

    private func servers(_ engine: Engine) throws -> (one: Stage, other: Stage) {
        let one = try Stage(engine)
        return (one, try Stage(beside: one))
    }

    @Test(arguments: Engine.distant) func `show the same, as soon as it is acknowledged`(_ engine: Engine) throws {
        let (one, other) = try servers(engine)
        let name = try one.push(config)
        #expect(try other.ask("GET", "/v2/a/b/blobs/\(name)").body == config)
        let text = image(config: config)
        #expect(try other.put(text, as: "v1").status == 201)
        #expect(try one.ask("GET", "/v2/a/b/manifests/v1").text == text)
        let second = image(config: config, #","annotations":{"a":"b"}"#)
        #expect(try one.put(second, as: "v1").status == 201)
        #expect(try other.ask("GET", "/v2/a/b/manifests/v1").text == second)
        #expect(try other.ask("GET", "/v2/a/b/tags/list").json?["tags"] == ["v1"])
        #expect(try other.ask("DELETE", "/v2/a/b/manifests/v1").status == 202)
        #expect(try one.ask("GET", "/v2/a/b/manifests/v1").status == 404)
    }

    @Test(arguments: Engine.distant) func `take turns with an upload, of which one is killed`(_ engine: Engine) throws {
        let (one, other) = try servers(engine)
        let bytes = seededBytes(3 << 20, seed: 1)
        let place = try one.begin()
        #expect(try one.ask("PATCH", place, [], Array(bytes[..<(1 << 20)])).status == 202)
        // The second chunk's end never comes, and its server neither.
        let client = try one.client()
        try client.send(
            "PATCH \(place) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2097152\r\nExpect: 100-continue\r\n\r\n")
        #expect(try client.isAskedForBody())
        try client.send("hello")
        #expect(try other.ask("GET", place)["range"] == "0-1048575")
        let chunk = [("Content-Range", "1048576-2097151")]
        #expect(try other.ask("PATCH", place, chunk, Array(bytes[(1 << 20)..<(2 << 20)])).status == 202)
        // What the other server adds later has no place any more.
        client.reset()
        let put = try other.ask("PUT", "\(place)?digest=\(sha256(bytes))", [], Array(bytes[(2 << 20)...]))
        #expect(put.status == 201, "\(put.text)")
        #expect(try one.ask("GET", "/v2/a/b/blobs/\(sha256(bytes))").body == bytes)
        #expect(try other.ask("GET", place).status == 404)
    }

    @Test(arguments: Engine.distant) func `go on at the byte when a chunk is cut off`(_ engine: Engine) throws {
        let (one, other) = try servers(engine)
        let place = try one.begin()
        let head = "PATCH \(place) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nContent-Range: 0-99\r\n"
        for _ in 0..<1000 {
            if try other.ask("GET", place)["range"] == "0-4" { break }
            let client = try one.client()
            try client.send(head + "Expect: 100-continue\r\n\r\n")
            // Not while the request before is being saved.
            guard try client.isAskedForBody() else { continue }
            try client.send("hello")
            // A reset takes away bytes that were not read before it.
            for _ in 0..<3 { try one.ask("GET", "/healthz") }
            client.reset()
        }
        let put = try other.ask("PUT", "\(place)?digest=\(sha256(Array("hello world".utf8)))", [], Array(" world".utf8))
        #expect(put.status == 201, "\(put.text)")
    }

    @Test(arguments: Engine.distant) func `add one chunk of two for the same place`(_ engine: Engine) throws {
        let (one, other) = try servers(engine)
        let place = try one.begin()
        let chunk = [("Content-Range", "0-1")]
        let replies = [try one.ask("PATCH", place, chunk, [1, 2]), try other.ask("PATCH", place, chunk, [3, 4])]
        #expect(replies.map(\.status) == [202, 416] && replies[1]["range"] == "0-1")
        #expect(try one.ask("PUT", "\(place)?digest=\(sha256([1, 2]))", [], []).status == 201)
        #expect(try one.values(in: "uploads").isEmpty)
    }

    @Test(arguments: Engine.distant) func `go on with a push of a model that was killed`(_ engine: Engine) async throws
    {
        let (one, other) = try servers(engine)
        let files = try ModelMaker.small()
        // All of it but the manifest came.
        let maker = try Maker(in: one.scratch)
        try await maker.push(files, to: "team/m", "v1", of: one)
        let manifest = try one.ask("GET", "/v2/team/m/manifests/v1")
        let name = try #require(manifest["docker-content-digest"])
        #expect(try one.ask("DELETE", "/v2/team/m/manifests/\(name)").status == 202)
        #expect(try other.ask("GET", "/team/m/resolve/v1/config.json").status == 404)
        #expect(try other.put(manifest.text, as: "v1", in: "team/m").status == 201)
        for stage in [one, other] {
            for (path, bytes) in files {
                #expect(try stage.ask("GET", "/team/m/resolve/v1/\(path)").body == bytes, "\(path)")
            }
        }
    }

    @Test func `count a change of tokens on each`() throws {
        let (one, other) = try servers(.memory)
        let storage = try #require(one.storage)
        let registry = try storage.registry(in: one.scratch)
        let secret = try registry.addToken("ci", read: [.all], push: [.all])
        func untilStatus(_ status: Int, _ headers: [(String, String)]) throws {
            for stage in [one, other] { try until { try stage.ask("GET", "/v2/", headers).status == status } }
        }
        try untilStatus(401, [])
        try untilStatus(200, [("Authorization", "Bearer \(secret)")])
        #expect(try one.ask("GET", "/v2/a/tags/list").status == 401)
        try registry.removeToken("ci")
        try untilStatus(200, [])
    }

    @Test func `forget uploads that no client continues`() async throws {
        let memory = MemoryStorage()
        let scratch = try Scratch()
        let one = try Stage(over: memory, in: scratch)
        let place = try one.begin()
        #expect(try one.ask("PATCH", place, [], [1]).status == 202)
        #expect(await memory.keys(in: "uploads").filter { $0.contains("parts") }.count == 1)
        _ = try Stage(over: memory, in: scratch) { $0.uploadLife = .zero }
        #expect(await memory.keys(in: "uploads").isEmpty)
        #expect(try one.ask("GET", place).status == 404)
    }
}
