import Foundation
import Model
import Network
import Platform
import Server
import Storage
import Store
import Support
import Testing

@Suite struct `A server with tokens` {
    private let stage: Stage
    private let registry: RegistryStore
    private let reader: String
    private let pusher: String

    init() throws {
        stage = try Stage()
        registry = try RegistryStore(stage.store)
        try stage.push(Array("{}".utf8), to: "team/a")
        try stage.push(Array("{}".utf8), to: "other")
        try stage.put(image(config: Array("{}".utf8)), as: "v1", in: "team/a")
        reader = try registry.addToken("reader", read: [RepositoryPattern("team/*")], push: [])
        pusher = try registry.addToken("ci", read: [], push: [RepositoryPattern("team/*")])
    }

    private func bearer(_ secret: String) -> (String, String) { ("Authorization", "Bearer \(secret)") }
    private func basic(_ secret: String) -> (String, String) {
        ("Authorization", "Basic " + Data("anybody:\(secret)".utf8).base64EncodedString())
    }

    @Test func `lets nobody in who has none, and says what it wants`() throws {
        for address in ["/v2/", "/v2/_catalog", "/v2/team/a/manifests/v1", "/v2/team/a/tags/list", "/metrics"] {
            let reply = try stage.ask("GET", address)
            #expect(reply.status == 401 && reply.code == "UNAUTHORIZED", "\(address)")
            #expect(reply["www-authenticate"]?.hasPrefix("Basic realm=") == true)
        }
        #expect(try stage.ask("POST", "/v2/team/a/blobs/uploads/", [], []).status == 401)
        #expect(try stage.ask("GET", "/v2/", [bearer("cake_wrong")]).status == 401)
        #expect(try stage.ask("GET", "/v2/", [("Authorization", "Basic !!")]).status == 401)
        #expect(try stage.ask("GET", "/healthz").status == 200)
    }

    @Test func `takes them as a password and as a bearer's`() throws {
        for header in [bearer(reader), basic(reader), bearer(pusher), basic(pusher)] {
            #expect(try stage.ask("GET", "/v2/", [header]).status == 200)
            #expect(try stage.ask("GET", "/v2/team/a/manifests/v1", [header]).status == 200)
        }
    }

    @Test func `says whose they are`() throws {
        for (secret, name, role) in [(reader, "reader", "read"), (pusher, "ci", "write")] {
            let who = try stage.ask("GET", "/api/whoami-v2", [bearer(secret)])
            #expect(who.status == 200 && who.json?["name"]?.string == name, "\(who.text)")
            #expect(who.json?["auth"]?["accessToken"]?["role"]?.string == role)
            #expect(!who.text.contains(secret))
        }
        #expect(try stage.ask("GET", "/api/whoami-v2").status == 401)
        #expect(try stage.ask("GET", "/api/whoami-v2", [bearer("cake_wrong")]).status == 401)
    }

    @Test func `keeps each to its repositories`() throws {
        #expect(try stage.ask("GET", "/v2/other/tags/list", [bearer(reader)]).status == 403)
        #expect(try stage.ask("POST", "/v2/team/a/blobs/uploads/", [bearer(reader)], []).status == 403)
        #expect(try stage.ask("DELETE", "/v2/team/a/manifests/v1", [bearer(reader)]).status == 403)
        #expect(try stage.ask("POST", "/v2/team/new/blobs/uploads/", [bearer(pusher)], []).status == 202)
        #expect(try stage.ask("POST", "/v2/other/blobs/uploads/", [bearer(pusher)], []).status == 403)
    }

    @Test func `mounts and lists only what may be read`() throws {
        let secret = try stage.ask("GET", "/v2/_catalog", [bearer(pusher)]).text
        #expect(secret == #"{"repositories":["team/a"]}"#)
        let hidden = try registry.addToken("all", read: [], push: [.all])
        let name = sha256([9, 9])
        let pushed = try stage.ask(
            "POST", "/v2/other/blobs/uploads/?digest=\(name)", [bearer(hidden)], [9, 9])
        #expect(pushed.status == 201)
        for query in ["mount=\(name)&from=other", "mount=\(name)"] {
            #expect(try stage.ask("POST", "/v2/team/a/blobs/uploads/?\(query)", [bearer(pusher)], []).status == 202)
            #expect(try stage.ask("POST", "/v2/third/blobs/uploads/?\(query)", [bearer(hidden)], []).status == 201)
        }
    }

    @Test func `shows clients of the Hub what they may read, and nobody else anything`() async throws {
        let addresses = [
            "/api/models", "/api/models/team/a", "/api/models/team/a/tree/main", "/team/a/resolve/main/config.json",
            "/team/a/raw/main/config.json", "/api/datasets/team/a",
        ]
        for address in addresses {
            #expect(try stage.ask("GET", address).status == 401, "\(address)")
            #expect(try stage.ask("GET", address, [bearer("hf_somebody")]).status == 401, "\(address)")
        }
        let shelf = try Shelf(at: stage.scratch["store"])
        for name in ["team/kept", "other/kept"] {
            let files = ["config.json": Array("{}".utf8)]
            try await shelf.bring(
                ModelMaker.write(files, to: stage.scratch["of " + name.replacing("/", with: " ")]), as: name)
        }
        #expect(try stage.ask("GET", "/team/kept/resolve/main/config.json", [bearer(reader)]).text == "{}")
        let hidden = try stage.ask("GET", "/other/kept/resolve/main/config.json", [bearer(reader)])
        #expect(hidden.status == 404 && hidden["x-error-code"] == "RepoNotFound")
        let list = try stage.ask("GET", "/api/models", [bearer(reader)]).text
        #expect(list.contains("team/kept") && !list.contains("other/kept"))
    }

    @Test func `forgets one that was taken away, at once`() throws {
        try registry.removeToken("reader")
        #expect(try stage.ask("GET", "/v2/", [bearer(reader)]).status == 401)
        #expect(try stage.ask("GET", "/v2/", [bearer(pusher)]).status == 200)
    }

    @Test func `lets anybody read who may, and asks who pushes`() throws {
        let open = try Stage(stage.scratch) { $0.letsAnybodyRead = true }
        #expect(try open.ask("GET", "/v2/team/a/manifests/v1").status == 200)
        // Otherwise clients would not send credentials when they push.
        #expect(try open.ask("GET", "/v2/").status == 401)
        #expect(try open.ask("POST", "/v2/team/a/blobs/uploads/", [], []).status == 401)
        #expect(try open.ask("POST", "/v2/team/a/blobs/uploads/", [basic(pusher)], []).status == 202)
    }

    @Test func `keeps no secret, and its file is its owner's`() throws {
        let path = stage.scratch["store/registry/tokens"]
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains("ci ") && !text.contains(pusher) && !text.contains(pusher.dropFirst(5)))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func `lets nobody in when its file cannot be read`() throws {
        try Data("something else".utf8).write(to: URL(filePath: stage.scratch["store/registry/tokens"]))
        #expect(try stage.ask("GET", "/v2/team/a/manifests/v1", [bearer(pusher)]).status == 500)
    }

    @Test func `may be pushed to from elsewhere`() throws {
        _ = try Stage(stage.scratch) { $0.address = ListenAddress(host: "0.0.0.0", port: 0) }
        try registry.removeToken("ci")
        #expect(throws: CakeError.self) {
            _ = try Stage(stage.scratch) { $0.address = ListenAddress(host: "0.0.0.0", port: 0) }
        }
    }

    @Test func `knows names by patterns`() throws {
        func fits(_ pattern: String, _ name: String) throws -> Bool {
            try RepositoryPattern(pattern).fits(#require(RepositoryName(name)))
        }
        for (pattern, name) in [("*", "a/b"), ("team/*", "team/a/b"), ("*/a", "team/a"), ("t*m/*", "team/x")] {
            #expect(try fits(pattern, name), "\(pattern)")
        }
        for (pattern, name) in [("team/*", "teams/a"), ("team", "team/a"), ("a*a", "a"), ("*b*", "a")] {
            #expect(try !fits(pattern, name), "\(pattern)")
        }
        for text in ["", "Team", "a b", "../x", "a//b"] {
            #expect(throws: CakeError.self) { _ = try RepositoryPattern(text) }
        }
    }
}

@Suite struct `A busy server` {
    @Test func `tells a client that asks too often to wait`() throws {
        let stage = try Stage { $0.requestsPerSecond = 3 }
        let client = try stage.client()
        let replies = try (0..<20).map { _ in try client.ask("GET", "/v2/") }
        let refused = replies.filter { $0.status == 429 }
        #expect(!refused.isEmpty && refused.allSatisfy { $0.code == "TOOMANYREQUESTS" && $0["retry-after"] == "1" })
        #expect(try client.ask("GET", "/healthz").status == 200)
    }

    @Test func `cuts who takes an answer too slowly`() throws {
        let scratch = try Scratch()
        // More than the buffers on its way hold. Pushed elsewhere: a slow pusher is cut as well.
        let name = try Stage(scratch).push([UInt8](repeating: 7, count: 48 << 20))
        let stage = try Stage(scratch) {
            $0.limits.slowSeconds = 1
            $0.limits.slowBytes = 64 << 20
        }
        let slow = try stage.client()
        try slow.send("GET /v2/a/b/blobs/\(name) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        var record: ServerRecord?
        while record == nil {
            record = stage.log.all.first { $0.request.method == "GET" }
            usleep(1000)
        }
        #expect(record?.isWhole == false)
        #expect(throws: CakeError.self) { try slow.read() }
    }

    @Test func `counts what it does`() throws {
        let stage = try Stage()
        try stage.push([1, 2, 3])
        try stage.ask("GET", "/v2/a/b/blobs/\(sha256([1, 2, 3]))")
        try stage.ask("BREW", "/v2/")
        var text = ""
        let wanted = [
            #"method="other""#, #"cake_requests_total{method="POST",status="201"} 1"#, "cake_received_bytes_total 3\n",
        ]
        // A request counts when its end was seen, which may be after its client has its answer.
        for _ in 0..<10_000 where !wanted.allSatisfy(text.contains) { text = try stage.ask("GET", "/metrics").text }
        for line in wanted { #expect(text.contains(line)) }
    }
}
