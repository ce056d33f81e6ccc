import Testing

@testable import Platform

@Suite struct `A queue` {
    @Test func `gives back in order, and keeps nothing that was taken though it is never empty`() {
        var queue = Queue<Int>()
        var (next, expected) = (0, 0)
        // Always ten or more in it.
        for step in 0..<10_000 {
            for _ in 0..<(step < 10 ? 2 : 1) {
                queue.append(next)
                next += 1
            }
            #expect(queue.popFirst() == expected)
            expected += 1
            #expect(step < 10 || !queue.isEmpty)
            #expect(queue.held <= 40)
        }
        while let element = queue.popFirst() {
            #expect(element == expected)
            expected += 1
        }
        #expect(expected == next && queue.isEmpty && queue.held == 0)
    }
}

@Suite struct `A time limit` {
    private struct Late: Error {}

    @Test func `gives what comes in time, and the work's own error`() async throws {
        #expect(try await within(.seconds(600), orElse: Late()) { 7 } == 7)
        await #expect(throws: CancellationError.self) {
            try await within(.seconds(600), orElse: Late()) { throw CancellationError() }
        }
    }

    @Test func `cancels what takes too long`() async throws {
        let waiters = Waiters<Int, Void>()
        await #expect(throws: Late.self) {
            try await within(.milliseconds(1), orElse: Late()) { try await waiters.wait(for: 0) }
        }
        #expect(waiters.count == 0)
    }
}
