import Hub
import Model
import Network
import Platform
import Testing

@Suite struct `The hub` {
    @Test func `sends to its second origin for a large file, and says on the way what it is`() async throws {
        let stage = try Stage()
        let head = try await stage.ask("/org/base/resolve/main/model.safetensors", .head).head
        let commit = try await stage.json("/api/models/org/base/revision/main")["sha"]?.string
        let digest = SHA256.digest(of: Stage.large().span).hex
        #expect(head.status == 302)
        #expect(head["x-repo-commit"] == commit && commit?.utf8.count == 40)
        #expect(head["x-linked-etag"] == "\"\(digest)\"" && head["x-linked-size"] == "100000")
        let location = try #require(head["location"])
        #expect(location.hasPrefix(stage.hub.cdn + "/") && location.contains("Signature="))
        let file = try await stage.ask(location)
        #expect(file.head.status == 200 && file.body == Stage.large())
    }

    @Test func `sends to its cache for a small file, by a path alone`() async throws {
        let stage = try Stage()
        let head = try await stage.ask("/org/base/resolve/main/config.json", .head).head
        let location = try #require(head["location"])
        #expect(head.status == 307 && location.hasPrefix("/api/resolve-cache/models/org/base/"))
        #expect(head["x-repo-commit"]?.utf8.count == 40 && head["x-linked-size"] == nil)
        let file = try await stage.ask(location)
        // As `git hash-object` has it.
        #expect(
            file.head["etag"] == "\"cb5b2f69babc53f9145b45ad20b9a075d48717ef\"")
        #expect(file.body == Stage.small && file.head["x-repo-commit"] == head["x-repo-commit"])
    }

    @Test func `gives the range that was asked for, and none past the end`() async throws {
        let stage = try Stage()
        let url = try await stage.signedURL()
        let part = try await stage.ask(url, range: 10..<20)
        #expect(part.head.status == 206 && part.head["content-range"] == "bytes 10-19/100000")
        #expect(part.body == Array(Stage.large()[10..<20]))
        let end = try await stage.ask(url, range: 99_990..<200_000)
        #expect(end.head["content-range"] == "bytes 99990-99999/100000" && end.body.count == 10)
        let outside = try await stage.ask(url, range: 100_000..<100_001)
        #expect(outside.head.status == 416 && outside.head["content-range"] == "bytes */100000")
        let last = try await stage.ask(url, headers: [("Range", "bytes=-3")])
        #expect(last.body == Array(Stage.large().suffix(3)))
        let changed = try await stage.ask(url, range: 10..<20, headers: [("If-Range", "\"another\"")])
        #expect(changed.head.status == 200 && changed.body.count == 100_000)
    }

    @Test func `sends nothing to those who have it`() async throws {
        let stage = try Stage()
        let path = "/org/base/resolve/main/model.safetensors"
        let etag = try #require(try await stage.ask(path, .head).head["etag"])
        #expect(try await stage.ask(path, headers: [("If-None-Match", etag)]).head.status == 304)
        #expect(try await stage.ask(path, headers: [("If-None-Match", "\"x\"")]).head.status == 302)
    }

    @Test func `signs each URL, takes no token beside it, and ends it`() async throws {
        let stage = try Stage()
        let (one, other) = (try await stage.signedURL(), try await stage.signedURL())
        #expect(one != other)
        #expect(try await stage.ask(one, token: "hf_x").head.status == 400)
        #expect(try await stage.ask(one + "0").head.status == 403)
        #expect(try await stage.ask(one.replacing("Expires=1", with: "Expires=2")).head.status == 403)
        stage.hub.expireSignedURLs()
        #expect(try await stage.ask(one).head.status == 403)
        #expect(try await stage.ask(try await stage.signedURL()).head.status == 200)
    }

    @Test func `lists a tree in pages that lead to each other`() async throws {
        var settings = HubSettings()
        settings.treePage = 2
        let stage = try Stage(settings)
        try stage.folder.write("org/base", ["a/b/c.txt": [1], "a/d.txt": [2], "ü.txt": [3]])
        var paths: [String] = []
        var next: String? = "/api/models/org/base/tree/main?recursive=true&expand=false"
        while let page = next {
            let answer = try await stage.ask(page)
            let entries = try #require(try JSONValue(parsing: answer.body.span).array)
            #expect(entries.count <= 2)
            paths += entries.compactMap { $0["path"]?.string }
            next = answer.head["link"].map { String($0.dropFirst().prefix { $0 != ">" }) }
        }
        #expect(paths == ["a", "a/b", "a/b/c.txt", "a/d.txt", "config.json", "model.safetensors", "ü.txt"])
        let flat = try await stage.json("/api/models/org/base/tree/main/a")
        #expect(flat.array?.compactMap { $0["path"]?.string } == ["a/b", "a/d.txt"])
        let large = try #require(try await stage.json("/api/models/org/base/tree/main?cursor=2").array?.last)
        #expect(large["path"] == "ü.txt" || large["lfs"]?["oid"]?.string == SHA256.digest(of: Stage.large().span).hex)
    }

    @Test func `finds revisions by name, by reference and by commit`() async throws {
        let stage = try Stage()
        let request = try await stage.json("/api/models/org/base/revision/refs%2Fpr%2F1")
        let commit = try #require(request["sha"]?.string)
        #expect(request["siblings"]?.array?.count == 1)
        #expect(try await stage.json("/api/models/org/base/revision/\(commit)")["sha"] == request["sha"])
        try stage.folder.set("org/base", refs: ["v1": "refs/pr/1"])
        #expect(try await stage.json("/api/models/org/base/revision/v1")["sha"] == request["sha"])
        let main = try await stage.json("/api/models/org/base")["sha"]
        try stage.folder.write("org/base", "config.json", Array("{\"a\": 2}\n".utf8))
        #expect(try await stage.json("/api/models/org/base")["sha"] != main)
    }

    @Test func `tells of the base model that the card names`() async throws {
        let stage = try Stage()
        let card = "---\nbase_model:\n- org/one\n- \"org/two\"\nlicense: mit\n---\n# Hello\n"
        try stage.folder.write("org/base", "README.md", Array(card.utf8))
        let info = try await stage.json("/api/models/org/base")
        #expect(info["cardData"]?["base_model"] == ["org/one", "org/two"] && info["cardData"]?["license"] == "mit")
    }

    @Test func `closes its port after so many connections, and opens it again`() async throws {
        let stage = try Stage()
        stage.hub.refuseConnections(after: 1)
        #expect(try await stage.ask("/api/models/org/base", headers: [("Connection", "close")]).head.status == 200)
        let fresh = try HTTPClient(HTTPSettings(userAgent: "test"))
        await #expect(throws: CakeError.self) {
            try await fresh.fetch(stage.request("/api/models/org/base"), limit: 10_000)
        }
        try stage.hub.acceptConnections()
        #expect(try await fresh.fetch(stage.request("/api/models/org/base"), limit: 10_000).head.status == 200)
    }

    @Test func `counts the bytes and the requests it was asked for`() async throws {
        let stage = try Stage()
        let url = try await stage.signedURL()
        _ = try await stage.ask(url, range: 0..<1000)
        _ = try await stage.ask(url)
        #expect(stage.hub.sent(.cdn(endingIn: "org/base/model.safetensors")) == 101_000)
        #expect(stage.hub.count(.cdn().withRange()) == 1)
        #expect(stage.hub.requests.map(\.method) == ["HEAD", "GET", "GET"])
        #expect(stage.hub.requests.allSatisfy { $0.authorization == nil && $0.host?.hasPrefix("127.0.0.1:") == true })
    }
}
