import Hub
import Model
import Network
import Platform
import Store
import Support
import Testing

@testable import Remote
@testable import Transfer

/// Two hubs that have the same: one is the publisher, the others are nearer.
@Suite struct `A pull that has mirrors` {
    let line: PullLine
    let near: Hub
    let size: UInt64

    init() throws {
        line = try PullLine(PullLine.large())
        near = try Hub(serving: line.folder.path, HubSettings())
        size = UInt64(line.files.values.reduce(0) { $0 + $1.count })
    }

    func mirrors(
        _ endpoints: String..., patience: Duration = .seconds(600), raced standing: RaceStanding? = nil
    ) throws -> Mirrors {
        var settings = HTTPSettings(userAgent: "cake/test")
        settings.stallSeconds = 600
        return Mirrors(
            try endpoints.map { text throws(CakeError) in try HubRoutes(endpoint: text) },
            client: try HTTPClient(settings), patience: patience, standing)
    }

    /// Pulls, and checks the result, whatever the mirrors did.
    func pull(_ mirrors: Mirrors) async throws -> UInt64 {
        defer { near.stop() }
        var options = Pull.Options()
        options.mirrors = mirrors
        options.probing = nil
        try await line.pull(with: options)
        try await line.expectExact()
        return mirrors.bytes
    }

    /// Bytes of files that the publisher itself sent.
    var far: UInt64 { line.hub.sent(.cdn()) }

    @Test func `fetches from the first of them, and only the listing from the Hub`() async throws {
        let second = try Hub(serving: line.folder.path, HubSettings())
        defer { second.stop() }
        #expect(try await pull(mirrors(near.endpoint, second.endpoint)) >= size)
        #expect(far == 0 && near.sent(.cdn()) >= size)
        // Both were asked whether they have layers.
        #expect(second.requests.allSatisfy { $0.path == "/v2/_cake/published" }, "\(second.requests)")
        #expect(near.requests.allSatisfy { $0.authorization == nil })
    }

    @Test func `asks the next where one is down, and the Hub where all are`() async throws {
        #expect(try await pull(mirrors("http://127.0.0.1:1", near.endpoint)) >= size)
        #expect(far == 0)
        let other = try PullLine(PullLine.large(seed: 7))
        var options = Pull.Options()
        options.mirrors = try mirrors("http://127.0.0.1:1", near.endpoint)
        try await other.pull(with: options)
        #expect(options.mirrors?.bytes == 0)
    }

    @Test(arguments: [404, 403, 500, 503]) func `goes to the Hub for what a mirror refuses`(status: Int) async throws {
        near.misbehave(.answer(status), when: .anything)
        #expect(try await pull(mirrors(near.endpoint)) == 0)
        #expect(far >= size)
    }

    @Test func `goes on at the Hub where a mirror breaks off, at the byte`() async throws {
        near.misbehave(.cut(afterBytes: 300_000), when: .cdn())
        let fromMirror = try await pull(mirrors(near.endpoint))
        #expect(fromMirror > 100_000 && fromMirror < size)
        #expect(far + fromMirror < size + (1 << 20))
    }

    @Test func `leaves a mirror that is slow or hangs`() async throws {
        near.misbehave(.drip(bytesPerSecond: 20_000), when: .cdn())
        let slow = try await pull(mirrors(near.endpoint, patience: .milliseconds(300)))
        #expect(slow < size / 2 && far > size / 2)
    }

    @Test func `believes a mirror nothing`() async throws {
        near.misbehave(.flip(atByte: 2 << 20), when: .cdn())
        #expect(try await pull(mirrors(near.endpoint)) >= size)
        // All of it came again, from the publisher.
        #expect(far >= size)
    }

    @Test func `does not take another file's bytes from one that names them so`() async throws {
        near.misbehave(.header("X-Linked-ETag", "\"" + String(repeating: "a", count: 64) + "\""), when: .anything)
        #expect(try await pull(mirrors(near.endpoint)) == 0)
    }
}
