import Model
import Synchronization
import Testing

@testable import Remote

/// A pull on a dead line, by attempts and not by a clock.
@Suite struct `A line that is dead` {
    /// The present message.
    private final class Notice: Sendable {
        private let said = Mutex<String?>(nil)
        var text: String? { said.withLock { $0 } }
        func says(_ words: String?) { said.withLock { $0 = words } }
    }

    /// Takes no time, and keeps what was shown meanwhile.
    private func line(_ retry: Retry, _ notice: Notice, waited: @escaping @Sendable (Duration) -> Void) -> Line {
        Line(retry: retry, says: notice.says, sleep: { waited($0) })
    }

    @Test func `is tried for minutes in a long pull, and each wait is said`() async throws {
        let waits = Mutex<[Duration]>([])
        let notices = Mutex<[String]>([])
        let notice = Notice()
        let line = line(.patient, notice) { wait in
            waits.withLock { $0.append(wait) }
            notices.withLock { $0.append(notice.text ?? "") }
        }
        let tries = Mutex(0)
        let failure = await #expect(throws: CakeError.self) {
            try await line.retrying {
                tries.withLock { $0 += 1 }
                throw TransientFailure(CakeError(.network, "the server is gone"))
            }
        }
        #expect(failure?.kind == .network && tries.withLock { $0 } == Retry.patient.tries)
        let whole = waits.withLock { $0.reduce(.zero, +) }
        // Each wait is at least half of what it may be.
        #expect(whole > .seconds(120) && whole < .seconds(600))
        let said = notices.withLock { $0 }
        #expect(said.count == Retry.patient.tries - 1)
        #expect(said[0] == "no connection, trying again in 1 s (2 of 12)")
        #expect(said[10].hasSuffix("(12 of 12)"))
        // Nothing is waited for any more.
        #expect(notice.text == nil)
    }

    @Test func `that works again goes on, and says no more`() async throws {
        let notice = Notice()
        let line = line(Retry(), notice) { _ in }
        let tries = Mutex(0)
        let result = try await line.retrying {
            let number = tries.withLock { tries in
                tries += 1
                return tries
            }
            if number < 4 { throw TransientFailure(CakeError(.network, "gone"), words: "server error") }
            return number
        }
        #expect(result == 4 && notice.text == nil)
    }

    @Test func `ends a wait at once when it is stopped`() async throws {
        let isWaiting = AsyncStream.makeStream(of: Void.self)
        let work = Task {
            var line = Line(retry: .patient)
            line.sleep = { _ in
                isWaiting.continuation.yield()
                try await Task.sleep(for: .seconds(3600))
            }
            try await line.retrying { throw TransientFailure(CakeError(.network, "gone")) }
        }
        for await _ in isWaiting.stream { break }
        work.cancel()
        await #expect(throws: CancellationError.self) { try await work.value }
    }
}
