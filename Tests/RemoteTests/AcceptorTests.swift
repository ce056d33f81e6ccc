import Model
import Network
import Support
import Testing

@Suite struct `A server` {
    private func server(threads: Int, connections: Int = 1024) throws -> HTTPServer {
        var limits = ServerLimits()
        limits.threads = threads
        limits.connections = connections
        return try HTTPServer(ListenAddress(host: "127.0.0.1", port: 0), limits, pool: testPool) { _ in
            .quick { ServerReply(204) }
        }
    }

    /// One time in some thousands, libmicrohttpd's own way to stop listening ended the process.
    @Test func `stops listening and ends, however often`() throws {
        for _ in 0..<3000 { try server(threads: 8).drain() }
    }

    @Test func `refuses connections as soon as it drains, and answers those that are open`() throws {
        let server = try server(threads: 2)
        let client = try Client(port: server.port)
        #expect(try client.ask("GET", "/").status == 204)
        server.drain()
        #expect(throws: CakeError.self) { try Client(port: server.port) }
        #expect(try client.ask("GET", "/").status == 204)
    }

    @Test func `lets connections wait beyond its limit, and answers them when there is room`() throws {
        let server = try server(threads: 2, connections: 2)
        var open: [Client] = []
        for _ in 0..<2 {
            let client = try Client(port: server.port)
            #expect(try client.ask("GET", "/").status == 204)
            open.append(client)
        }
        var late = try (0..<20).map { _ in
            let client = try Client(port: server.port)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            return client
        }
        open = []
        while !late.isEmpty { #expect(try late.removeFirst().read().status == 204) }
    }
}
