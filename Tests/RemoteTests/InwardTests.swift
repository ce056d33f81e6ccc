import Hub
import Model
import Network
import Platform
import Support
import Testing

@testable import Remote

/// Hubs and file servers that are all on this machine: the test sets their names and their reach.
@Suite(.timeLimit(.minutes(15))) struct `A request that leads into this network` {
    private static let world = (address: "127.0.0.1", reach: Host.Reach?.some(.world))
    private static let machine = (address: "127.0.0.1", reach: Host.Reach?.none)

    private func client(_ hosts: [String: (address: String, reach: Host.Reach?)]) throws -> HTTPClient {
        var settings = HTTPSettings(userAgent: "cake/test")
        settings.proxies = ProxyRule([:])
        settings.hosts = hosts
        return try HTTPClient(settings)
    }

    private func refusal(_ body: () async throws -> Void) async -> CakeError? {
        await #expect(throws: CakeError.self) { try await body() }
    }

    @Test(arguments: [
        "localhost", "files.example", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0.0.0.0",
        "[::ffff:127.0.0.1]",
    ]) func `is not sent, whatever the address is called`(host: String) async throws {
        let line = try HubLine()
        let port = try WebURL(line.hub.endpoint).origin.port
        let client = try client(["files.example": Self.machine])
        var request = HTTPRequest(.get, "http://\(host):\(port)/api/models/org/model")
        // As it is typed.
        #expect(try await client.fetch(request, limit: 1 << 20).head.status == 200)
        let asked = line.hub.requests.count
        for reach in [Host.Reach.world, .network, .link] {
            request.limit = AddressLimit(reach, CakeError(.failed, "inside"))
            let limited = request
            // The connection of before is there, and is judged as well.
            #expect(await refusal { _ = try await client.open(limited) }?.what == "inside")
        }
        #expect(line.hub.requests.count == asked)
        request.limit = AddressLimit(.machine, CakeError(.failed, "inside"))
        #expect(try await client.fetch(request, limit: 1 << 20).head.status == 200)
    }

    private func pull(
        _ hub: (address: String, reach: Host.Reach?), files: (address: String, reach: Host.Reach?)
    ) async throws -> (line: HubLine, failure: CakeError?) {
        let line = try HubLine { $0.cdnHost = "files.example" }
        let port = try WebURL(line.hub.endpoint).origin.port
        let source = HubSource(
            try HubRoutes(endpoint: "http://hub.example:\(port)"), token: nil,
            client: try client(["hub.example": hub, "files.example": files]))
        do throws {
            let snapshot = try await source.snapshot(of: HubReference(try HubRepository(HubLine.name)))
            let file = try #require(snapshot.files.first { $0.isLarge })
            let bytes = try await source.bytes(of: file, in: snapshot, limit: 64 << 20)
            #expect(bytes == line.files[file.path.string])
        } catch let error as CakeError { return (line, error) }
        return (line, nil)
    }

    @Test func `is refused when a public hub sends there by a public name`() async throws {
        let (line, failure) = try await pull(Self.world, files: Self.machine)
        #expect(
            failure?.what.contains("in the local network or on this machine") == true,
            "\(String(describing: failure))")
        #expect(line.hub.count(.cdn()) == 0)
    }

    @Test func `is sent when the hub itself is there, or the files are outside`() async throws {
        #expect(try await pull(Self.machine, files: Self.machine).failure == nil)
        #expect(try await pull(Self.world, files: Self.world).failure == nil)
        #expect(try await pull(Self.machine, files: Self.world).failure == nil)
    }
}
