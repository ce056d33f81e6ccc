internal import Synchronization

/// When bytes of bodies went to a connection last. One that waits for room on its line takes none.
public final class Sending: Sendable {
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    public func note() { last.withLock { $0 = .now } }

    public func was(within time: Duration) -> Bool { last.withLock { $0.map { .now - $0 < time } ?? false } }
}
