import Platform
import Synchronization

/// Work that ends when a test lets it, and counts how often it was begun.
final class GatedWork: Sendable {
    private let begun = Atomic(0)
    private let gate = Waiters<Int, Int>()

    var beginnings: Int { begun.load(ordering: .relaxed) }

    func callAsFunction() async throws -> Int {
        begun.add(1, ordering: .relaxed)
        return try await gate.wait(for: 0)
    }

    func end(with result: Result<Int, any Error>) async {
        while gate.count == 0 { await Task.yield() }
        gate.tell(0, result)
    }
}
