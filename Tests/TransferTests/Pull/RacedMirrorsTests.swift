import Hub
import Support
import Testing

@testable import Remote
@testable import Transfer

/// Raced: the first mirror has nothing of it.
extension `A pull that has mirrors` {
    private func other() throws -> Hub { try Hub(serving: line.folder.path, HubSettings()) }

    /// None is tried because another is slow, as one may be here whose processor is busy.
    private var calm: RaceStanding { RaceStanding(count: 2, hoping: 0) }

    @Test func `takes what is raced from who answers first`() async throws {
        let quick = try other()
        defer { quick.stop() }
        near.misbehave(.startAfter(.seconds(600)), when: .anything)
        #expect(try await pull(mirrors(near.endpoint, quick.endpoint, raced: calm)) >= size)
        #expect(far == 0 && near.sent(.cdn()) == 0 && quick.sent(.cdn()) >= size)
        #expect(!near.requests.isEmpty, "it was not asked")
    }

    @Test func `races without one that is down`() async throws {
        #expect(try await pull(mirrors("http://127.0.0.1:1", near.endpoint, raced: calm)) >= size)
        #expect(far == 0)
    }

    @Test func `goes to the Hub where none of those that are raced gives it`() async throws {
        let other = try other()
        defer { other.stop() }
        for hub in [near, other] { hub.misbehave(.answer(404), when: .anything) }
        #expect(try await pull(mirrors(near.endpoint, other.endpoint, raced: calm)) == 0)
        #expect(far >= size)
    }

    @Test func `believes none of those that are raced`() async throws {
        let other = try other()
        defer { other.stop() }
        for hub in [near, other] { hub.misbehave(.flip(atByte: 2 << 20), when: .cdn()) }
        #expect(try await pull(mirrors(near.endpoint, other.endpoint, raced: calm)) >= size)
        #expect(far >= size)
    }

    @Test func `leaves one that answers first and is slow then`() async throws {
        let quick = try other()
        defer { quick.stop() }
        // More than what a mirror in a row of them is left for.
        near.misbehave(.drip(bytesPerSecond: 100_000), when: .cdn())
        quick.misbehave(.startAfter(.milliseconds(200)), when: .anything)
        let standing = RaceStanding(count: 2)
        // Outrun after a fifth of it, which is long before one is left for all files.
        _ = try await pull(mirrors(near.endpoint, quick.endpoint, patience: .seconds(20), raced: standing))
        #expect(far == 0 && quick.sent(.cdn()) > size / 2)
    }
}
