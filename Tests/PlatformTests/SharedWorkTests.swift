import Platform
import Testing

@Suite struct `Shared work` {
    private struct Late: Error {}

    private static let pool = BlockingPool(threads: 2)

    @Test func `is done once for all, and goes on when the first leaves`() async throws {
        let shared = SharedWork<Int, Int>(on: Self.pool)
        let work = GatedWork()
        let first = Task { try await shared.value(for: 1) { try await work() } }
        while work.beginnings == 0 { await Task.yield() }
        let others = (0..<3).map { _ in Task { try await shared.value(for: 1) { try await work() } } }
        while shared.waiting < 4 { await Task.yield() }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        await work.end(with: .success(7))
        for other in others { #expect(try await other.value == 7) }
        #expect(work.beginnings == 1)
        #expect(shared.waiting == 0)
    }

    @Test func `goes on behind one that waited for too long`() async throws {
        let shared = SharedWork<Int, Int>(on: Self.pool)
        let work = GatedWork()
        await #expect(throws: Late.self) {
            try await shared.value(for: 1, within: .zero, orElse: Late()) { try await work() }
        }
        let second = Task { try await shared.value(for: 1) { try await work() } }
        while shared.waiting == 0 { await Task.yield() }
        await work.end(with: .success(3))
        #expect(try await second.value == 3)
        #expect(work.beginnings == 1)
    }
}
