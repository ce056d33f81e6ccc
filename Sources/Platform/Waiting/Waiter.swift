internal import Synchronization

/// A task or a callback that waits for one result. A debug build stops if it gets two, or none.
public final class Waiter<Value: Sendable>: Sendable {
    private let then: Mutex<(@Sendable (Result<Value, any Error>) -> Void)?>

    public init(_ then: @escaping @Sendable (Result<Value, any Error>) -> Void) { self.then = Mutex(then) }

    public convenience init(_ continuation: CheckedContinuation<Value, any Error>) {
        self.init { continuation.resume(with: $0) }
    }

    /// Never under a lock: the waiting task may continue at once.
    public func tell(_ end: Result<Value, any Error>) {
        let then = then.withLock { $0.take() }
        assert(then != nil, "a waiter was told twice")
        then?(end)
    }

    deinit { assert(then.withLock { $0 == nil }, "a waiter was forgotten") }
}
