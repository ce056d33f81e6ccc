import Foundation
import Model
import Platform
import Support
import Testing

@testable import cake

@Suite(.serialized) struct `A registry that is served` {
    private let home: Home
    private let bytes: [UInt8]
    private let name: BlobName

    init() throws {
        home = try Home()
        var random = Randomness(seed: 5)
        let bytes = (0..<2_000_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        self.bytes = bytes
        name = BlobName(SHA256.digest(of: bytes.span))
    }

    @Test func `keeps what it acknowledged through kill -9, and goes on behind it`() throws {
        let first = try Served(home, "--push")
        let begun = try first.ask("POST", "/v2/a/blobs/uploads/", [], [])
        let place = try #require(begun["location"])
        #expect(
            try first.ask("PATCH", place, [("Content-Range", "0-999999")], Array(bytes[..<1_000_000])).status == 202)
        let cut = try Client(port: first.port)
        try cut.send("PATCH \(place) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        try cut.send(Array(bytes[1_000_000..<1_500_000]))
        first.child.kill()
        let second = try Served(home, "--push")
        let status = try second.ask("GET", place)
        let last = try #require(status["range"].flatMap { Int($0.dropFirst(2)) })
        #expect(status.status == 204 && last >= 999_999 && last < 1_500_000)
        let rest = Array(bytes[(last + 1)...])
        let range = ("Content-Range", "\(last + 1)-\(bytes.count - 1)")
        #expect(try second.ask("PUT", "\(place)?digest=\(name)", [range], rest).status == 201)
        #expect(try second.ask("GET", "/v2/a/blobs/\(name)").body == bytes)
    }

    @Test func `has every blob whole or not at all, whenever it is killed`() throws {
        var random = Randomness(seed: 9)
        var whole = 0
        for _ in 0..<6 {
            let server = try Served(home, "--push")
            let client = try Client(port: server.port)
            try client.send(
                "POST /v2/a/blobs/uploads/?digest=\(name) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(bytes.count)\r\n\r\n"
            )
            let count = Int(random.next() % UInt64(bytes.count * 5 / 4))
            try client.send(Array(bytes.prefix(count)))
            if count > bytes.count { _ = try? client.read() }
            server.child.kill()
            let next = try Served(home)
            let got = try next.ask("GET", "/v2/a/blobs/\(name)")
            #expect(got.status == 200 && got.body == bytes || got.status == 404)
            if got.status == 200 { whole += 1 }
            try next.end()
        }
        let server = try Served(home, "--push")
        #expect(try server.ask("POST", "/v2/a/blobs/uploads/?digest=\(name)", [], bytes).status == 201)
        #expect(try home.cake("gc").status == 0)
        #expect(try server.ask("GET", "/v2/a/blobs/\(name)").body == bytes)
        #expect(try home.cake("df").output.contains("1 blob of cake serve"))
    }

    @Test func `answers what was begun when it is told to end, and writes one line for each request`() throws {
        let server = try Served(home, "--push")
        let client = try Client(port: server.port)
        try client.send(
            "POST /v2/a/blobs/uploads/?digest=\(name) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(bytes.count)\r\n\r\n"
        )
        try client.send(Array(bytes.prefix(1_000_000)))
        #expect(try server.ask("GET", "/v2/").status == 200)
        let incoming = home.store.appending(path: "registry/uploads")
        while try FileManager.default.contentsOfDirectory(atPath: incoming.path).isEmpty {}
        server.child.send(SIGTERM)
        while (try? server.ask("GET", "/v2/").status) != nil {}
        try client.send(Array(bytes[1_000_000...]))
        #expect(try client.read().status == 201)
        #expect(try server.child.end() == .exit(0))
        let said = try String(contentsOf: home.path("said"), encoding: .utf8)
        #expect(said.contains(" open request") && said.hasSuffix("; Ctrl-C again cuts them off\nstopped\n"), "\(said)")
        let lines = try String(contentsOf: home.path("log"), encoding: .utf8).split(separator: "\n")
        let documents = try lines.map { try JSONValue(parsing: Array($0.utf8).span) }
        #expect(documents.last?["method"] == "POST" && documents.last?["status"] == 201)
        #expect(documents.last?["received"] == JSONValue(bytes.count) && documents.first?["address"] == "/v2/")
        let again = try Served(home)
        #expect(try again.ask("GET", "/v2/a/blobs/\(name)").body == bytes)
        let refused = try again.ask("POST", "/v2/a/blobs/uploads/", [], [])
        #expect(refused.status == 405)
    }

    @Test func `speaks TLS, and shows a renewed certificate when it is told to`() throws {
        func renew(_ name: String) throws {
            let made = try Tool.run(
                URL(filePath: "/usr/bin/env"),
                [
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    home.path("key.pem").path, "-out", home.path("certificate.pem").path,
                ])
            try #require(made.status == 0, "\(made.errors)")
        }
        func shown(by served: Served) throws -> String {
            let words = "openssl s_client -connect 127.0.0.1:\(served.port) </dev/null 2>/dev/null"
            return try Tool.run(URL(filePath: "/bin/sh"), ["-c", words + " | openssl x509 -noout -subject"]).output
        }
        try renew("first")
        let served = try Served(
            home, "--tls-certificate", home.path("certificate.pem").path, "--tls-key", home.path("key.pem").path)
        #expect(try shown(by: served).contains("first"))
        let asked = try Tool.run(
            URL(filePath: "/bin/sh"),
            [
                "-c",
                "printf 'GET /healthz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' | openssl s_client -quiet -verify_return_error "
                    + "-CAfile \(home.path("certificate.pem").path) -connect 127.0.0.1:\(served.port) 2>/dev/null",
            ])
        #expect(asked.output.contains(#"{"status":"ok"}"#), "\(asked.errors)")
        func told(_ word: String) throws {
            served.child.send(SIGHUP)
            while served.child.isRunning, try !String(contentsOf: home.path("said"), encoding: .utf8).contains(word) {
            }
        }
        // Clients trust it on request, and use TLS to this machine if the address says so.
        let place = "127.0.0.1:\(served.port)"
        let trusting = ["SSL_CERT_FILE": home.path("certificate.pem").path]
        #expect(try home.cake("ls-remote", "https://" + place, variables: trusting).status == 0)
        #expect(try home.cake("ls-remote", "https://" + place).status == 13)
        #expect(try home.cake("ls-remote", place, variables: trusting).status == 13)
        #expect(try home.cake("ls-remote", "https://" + place, "--plain-http", variables: trusting).status == 2)
        func serving() throws -> Int {
            let tasks = "/proc/\(served.child.id)/task"
            return try FileManager.default.contentsOfDirectory(atPath: tasks).count { task in
                (try? String(contentsOfFile: "\(tasks)/\(task)/comm", encoding: .utf8))?.hasPrefix("MHD") == true
            }
        }
        let threads = try serving()
        try renew("second")
        try told("reloaded the certificate")
        #expect(try shown(by: served).contains("second"))
        // Those that served the first end with its last connection.
        try waits(until: "the threads that served the first have ended") { try serving() <= threads }
        #expect(try serving() == threads && threads > 0)
        try Data("-----BEGIN NOTHING".utf8).write(to: home.path("key.pem"))
        try told("old certificate stays in use")
        #expect(try shown(by: served).contains("second"))
        try served.end()
    }

    @Test func `makes tokens, shows each once, and forgets them`() throws {
        let made = try home.cake("serve", "token", "add", "ci", "--push", "team/*")
        let secret = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(made.status == 0 && secret.hasPrefix("cake_") && secret.count == 69, "\(made.errors)")
        #expect(try home.cake("serve", "token", "ls").output == "ci: push team/*\n")
        let served = try Served(home, "--push")
        let bearer = [("Authorization", "Bearer \(secret)")]
        #expect(try served.ask("POST", "/v2/team/a/blobs/uploads/", bearer, []).status == 202)
        #expect(try served.ask("POST", "/v2/other/blobs/uploads/", bearer, []).status == 403)
        #expect(try served.ask("GET", "/v2/").status == 401)
        #expect(try home.cake("serve", "token", "rm", "ci").status == 0)
        #expect(try home.cake("serve", "token", "rm", "ci").status == 10)
        #expect(try served.ask("GET", "/v2/").status == 200)
        for words in [["add"], ["add", "a b"], ["add", "x", "--push"], ["burn"]] {
            let result = try Tool.run(
                Tool.cake, ["serve", "token"] + words, variables: ["HOME": home.folder.path])
            #expect(result.status == 2, "\(words)")
        }
        try served.end()
    }

    @Test func `starts only where nobody can push who should not`() throws {
        let open = try home.cake("serve", "--push", "--listen", "0.0.0.0:0")
        #expect(open.status == 2 && open.errors.contains("no token"))
        for text in ["nonsense", "example.org:80", "127.0.0.1", "127.0.0.1:99999", ":80"] {
            #expect(try home.cake("serve", "--listen", text).status == 2, "\(text)")
        }
    }
}
