import Foundation
import Model
import Network
import Platform
import Server
import Store
import Support
import Testing

@Suite struct `A server of a registry` {
    private let stage: Stage

    init() throws { stage = try Stage() }

    @Test func `says what it is, and how it is`() throws {
        for address in ["/v2/", "/v2"] {
            let reply = try stage.ask("GET", address)
            #expect(reply.status == 200 && reply["docker-distribution-api-version"] == "registry/2.0")
        }
        #expect(try stage.ask("GET", "/healthz").json == ["status": "ok"])
        #expect(try stage.ask("GET", "/readyz").json == ["status": "ok"])
        #expect(try stage.ask("HEAD", "/healthz").status == 200)
        #expect(try stage.ask("GET", "/").status == 404)
    }

    @Test func `answers many requests on one connection`() throws {
        let name = try stage.push([1, 2, 3])
        let client = try stage.client()
        for _ in 0..<200 {
            #expect(try client.ask("GET", "/v2/a/b/blobs/\(name)").body == [1, 2, 3])
            #expect(try client.ask("HEAD", "/v2/a/b/manifests/none").status == 404)
            #expect(try client.ask("POST", "/v2/a/b/blobs/uploads/?digest=\(name)", [], [1, 2, 3]).status == 201)
        }
    }

    @Test(arguments: [
        "/v2/A/tags/list", "/v2/a//b/tags/list", "/v2/../tags/list", "/v2/a/../../etc/tags/list", "/v2/a%2Fb/tags/list",
        "/v2/a%00/tags/list", "/v2/.a/tags/list", "/v2/\(String(repeating: "a", count: 256))/tags/list",
        "/v2/%c3%a9/tags/list",
        "/v2/a+b/tags/list",
    ])
    func `refuses names outside the grammar`(address: String) throws {
        let reply = try stage.ask("GET", address)
        #expect(reply.status == 400 && reply.code == "NAME_INVALID", "\(reply.status) \(reply.text)")
    }

    @Test func `only gives, unless it was told to take`() throws {
        let name = try stage.push([1, 2, 3])
        let other = try Stage(stage.scratch) { $0.allowsPush = false }
        #expect(try other.ask("GET", "/v2/a/b/blobs/\(name)").body == [1, 2, 3])
        for (method, address) in [
            ("POST", "/v2/a/b/blobs/uploads/"), ("PUT", "/v2/a/b/manifests/x"), ("DELETE", "/v2/a/b/blobs/\(name)"),
            ("PATCH", "/v2/a/b/blobs/uploads/\(String(repeating: "0", count: 32))"), ("DELETE", "/v2/a/b/manifests/x"),
        ] {
            let reply = try other.ask(method, address, [], [1])
            #expect(reply.status == 405 && reply.code == "UNSUPPORTED", "\(method)")
        }
        #expect(try other.ask("GET", "/v2/a/b/blobs/\(name)").status == 200)
    }

    @Test func `lets nobody push from another machine while there are no tokens`() throws {
        var settings = RegistryServer.Settings()
        settings.allowsPush = true
        for host in ["0.0.0.0", "::", "192.0.2.1"] {
            settings.address = ListenAddress(host: host, port: 0)
            let error = #expect(throws: CakeError.self) {
                _ = try RegistryServer(stage.store, settings, pool: Stage.pool)
            }
            #expect(error?.kind == .usage)
        }
    }

    @Test func `answers to this machine's names, and to those it was given`() throws {
        for host in ["localhost", "LOCALHOST:5111", "127.0.0.1:80", "[::1]:5111", "[::1]"] {
            #expect(try stage.client().ask("GET", "/v2/", host: host).status == 200, "\(host)")
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1].evil", "", "[::2]"] {
            let reply = try stage.client().ask("GET", "/v2/", host: host)
            #expect(reply.status == 403 && reply.code == "DENIED", "\(host)")
        }
        let named = try Stage { $0.hostNames = ["Models.local"] }
        #expect(try named.client().ask("GET", "/v2/", host: "models.LOCAL:99").status == 200)
        // A page of the web sends where it is from when it means to write.
        let page = try stage.ask("POST", "/v2/a/blobs/uploads/", [("Origin", "https://evil.example")], [])
        #expect(page.status == 403 && page.code == "DENIED")
    }

    @Test func `takes no request of which two readers may see two ends`() throws {
        for headers in [
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 3\r\nContent-Length: 4\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 3x\r\n", "Host: evil.example\r\n",
        ] {
            let client = try stage.client()
            try client.send("POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n0\r\n\r\n")
            client.finish()
            let reply = try? client.read()
            #expect(reply == nil || reply?.status == 400, "\(headers)")
        }
        #expect(stage.files(in: "uploads").isEmpty)
    }

    @Test func `stands floods of headers, and addresses without an end`() throws {
        let flood = (0..<3000).map { ("X-\($0)", String(repeating: "x", count: 20)) }
        let many = try? stage.ask("GET", "/v2/", flood)
        #expect(many == nil || [413, 431].contains(many?.status))
        let wide = try? stage.ask("GET", "/v2/", [("X", String(repeating: "x", count: 1 << 20))])
        #expect(wide == nil || [413, 431].contains(wide?.status))
        let long = try? stage.ask("GET", "/v2/" + String(repeating: "a", count: 1 << 20))
        #expect(long == nil || [400, 414, 431].contains(long?.status))
        let client = try stage.client()
        try client.send("nonsense\r\n\r\n")
        client.finish()
        #expect((try? client.read())?.status ?? 400 == 400)
        #expect(try stage.ask("GET", "/v2/").status == 200)
    }

    @Test func `says to every client that speaks TLS where it is not spoken that it is not`() async throws {
        let port = stage.server.address.port
        try await MirrorStage.asClient {
            let clients = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for seed in 0..<200 as Range<UInt64> {
                    group.addTask(executorPreference: MirrorStage.clients) {
                        // A ClientHello as to its record; the rest is random, line ends and all.
                        let hello = [0x16, 0x03, 0x01, 0x06, 0x00] + seededBytes(0x600, seed: seed)
                        let client = try Client(port: port)
                        try client.send(hello)
                        let reply = try client.read()
                        return (reply.status, reply.text)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(clients.count == 200)
            #expect(clients.allSatisfy { $0.0 == 400 && $0.1.contains("http://") })
        }
        let client = try stage.client()
        for _ in 0..<3 { #expect(try client.ask("GET", "/v2/").status == 200) }
    }

    @Test func `cuts who takes too long over a head, byte by byte`() throws {
        let slow = try Stage { $0.limits.headSeconds = 1 }
        let client = try slow.client()
        var sent = 0
        // A byte now and then keeps the connection busy; it ends all the same, or this would go on for long.
        while sent < 1000 {
            guard (try? client.send("G")) != nil else { break }
            sent += 1
            Thread.sleep(forTimeInterval: 0.05)
        }
        #expect(sent < 1000)
        #expect(try slow.ask("GET", "/v2/").status == 200)
    }

    @Test func `passes over a body that it does not want, and answers`() throws {
        let client = try stage.client()
        let body = [UInt8](repeating: 0, count: 1_000_000)
        #expect(try client.ask("PUT", "/v2/a/manifests/.x", [], body).status == 400)
        #expect(try client.ask("GET", "/v2/").status == 200)
        // A client that asks first gets the answer before it sends anything.
        let asking = try stage.client()
        try asking.send(
            "PUT /v2/a/manifests/.x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\nExpect: 100-continue\r\n\r\n"
        )
        #expect(try asking.read().status == 400)
    }

    @Test func `knows no other methods`() throws {
        for (method, address) in [
            ("POST", "/v2/"), ("PUT", "/v2/a/tags/list"), ("TRACE", "/v2/a/tags/list"), ("DELETE", "/v2/a/tags/list"),
        ] {
            #expect(try stage.ask(method, address, [], []).status == 405, "\(method)")
        }
    }

    @Test func `says when a port is taken`() throws {
        var settings = RegistryServer.Settings()
        settings.address = stage.server.address
        let error = #expect(throws: CakeError.self) { _ = try RegistryServer(stage.store, settings, pool: Stage.pool) }
        #expect(error?.fix?.contains("--listen") == true)
    }

    @Test func `ends when what was begun is answered, and takes nothing new`() async throws {
        try await MirrorStage.asClient {
            let stage = try Stage {
                // The client is not cut while this waits for its turn on a busy machine.
                $0.limits.slowSeconds = 100_000
            }
            let name = try stage.push([1, 2, 3])
            let begun = try stage.client()
            try begun.send(
                "POST /v2/a/b/blobs/uploads/?digest=\(sha256([4, 5])) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
            )
            #expect(try begun.isAskedForBody())
            try begun.send([4])
            #expect(try stage.ask("GET", "/v2/a/b/blobs/\(name)").status == 200)
            let port = stage.server.address.port
            let server = stage.server
            async let drained: Void = server.drain(within: .seconds(100_000))
            while let other = try? Client(port: port), (try? other.ask("GET", "/v2/").status) != nil {}
            try begun.send([5])
            #expect(try begun.read().status == 201)
            await drained
            #expect(begun.sawEnd())
        }
    }

    @Test func `writes down what it was asked, and what came of it`() async throws {
        let name = try stage.push([1, 2, 3])
        try stage.ask("GET", "/v2/a/b/blobs/\(name)")
        await stage.server.drain(within: .seconds(20))
        let last = try #require(stage.log.all.last { $0.request.method == "GET" })
        #expect(last.status == 200 && last.bytes == 3 && last.isWhole && last.request.client == "127.0.0.1")
        // The ends of requests on different connections are seen in any order.
        let first = try #require(stage.log.all.first { $0.request.method == "POST" })
        #expect(first.received == 3 && first.status == 201)
    }
}
