import Platform
import Synchronization
import Testing

@Suite struct `Shared work` {
    private struct Late: Error {}

    /// Work that ends when it is let go, and counts how often it was begun.
    private final class Work: Sendable {
        private let begun = Atomic(0)
        private let gate = Waiters<Int, Int>()

        var beginnings: Int { begun.load(ordering: .relaxed) }

        func callAsFunction() async throws -> Int {
            begun.add(1, ordering: .relaxed)
            return try await gate.wait(for: 0)
        }

        func end(with value: Int) async {
            while gate.count == 0 { await Task.yield() }
            gate.tell(0, .success(value))
        }
    }

    private static let pool = BlockingPool(threads: 2)

    @Test func `is done once for all, and goes on when the first leaves`() async throws {
        let shared = SharedWork<Int, Int>(on: Self.pool)
        let work = Work()
        let first = Task { try await shared.value(for: 1) { try await work() } }
        while work.beginnings == 0 { await Task.yield() }
        let others = (0..<3).map { _ in Task { try await shared.value(for: 1) { try await work() } } }
        while shared.waiting < 4 { await Task.yield() }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        await work.end(with: 7)
        for other in others { #expect(try await other.value == 7) }
        #expect(work.beginnings == 1)
        #expect(shared.waiting == 0)
    }

    @Test func `goes on behind one that waited for too long`() async throws {
        let shared = SharedWork<Int, Int>(on: Self.pool)
        let work = Work()
        await #expect(throws: Late.self) {
            try await shared.value(for: 1, within: .zero, orElse: Late()) { try await work() }
        }
        let second = Task { try await shared.value(for: 1) { try await work() } }
        while shared.waiting == 0 { await Task.yield() }
        await work.end(with: 3)
        #expect(try await second.value == 3)
        #expect(work.beginnings == 1)
    }
}
