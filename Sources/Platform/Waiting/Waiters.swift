internal import Synchronization

/// Tasks that wait for something with a key, any number for each. Each gets one result: how it ended, or that the task
/// was cancelled.
///
/// The owner's state changes separately. Therefore two closures run under the lock here, which is taken before the
/// owner's: `ready` checks whether waiting is needed, and `change` changes the state that it checks.
public final class Waiters<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    fileprivate struct State {
        var last = 0
        /// In the order of their arrival.
        var waiting: [Key: [(number: Int, waiter: Waiter<Value>)]] = [:]
    }

    private let state = Mutex(State())

    public init() {}

    public var count: Int { state.withLock { $0.waiting.values.reduce(0) { $0 + $1.count } } }

    /// Returns the result for the key's waiters, or the one that is ready now.
    public func wait(for key: Key, unless ready: () -> Result<Value, any Error>? = { nil }) async throws -> Value {
        let number = state.withLock { state in
            state.last += 1
            return state.last
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let now = state.withLock { state -> Result<Value, any Error>? in
                    if let end = ready() { return end }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiting[key, default: []].append((number, Waiter(continuation)))
                    return nil
                }
                if let now { continuation.resume(with: now) }
            }
        } onCancel: {
            take(number, from: key)?.tell(.failure(CancellationError()))
        }
    }

    /// The same for a callback, which waits also when the task ends. Returns whether it was ready.
    public func call(
        _ then: @escaping @Sendable (Result<Value, any Error>) -> Void, for key: Key,
        unless ready: () -> Result<Value, any Error>?
    ) -> Bool {
        let now = state.withLock { state -> Result<Value, any Error>? in
            if let end = ready() { return end }
            state.last += 1
            state.waiting[key, default: []].append((state.last, Waiter(then)))
            return nil
        }
        if let now { then(now) }
        return now != nil
    }

    /// Gives the result to all that wait for the key.
    public func tell(_ key: Key, _ end: Result<Value, any Error>, after change: () -> Void = {}) {
        let told = state.withLock { state in
            change()
            return state.waiting.removeValue(forKey: key) ?? []
        }
        for (_, waiter) in told { waiter.tell(end) }
    }

    /// Gives the result to the one that has waited longest for the key; `otherwise` runs if there is none.
    public func tellFirst(_ key: Key, _ end: Result<Value, any Error>, otherwise: () -> Void) {
        let first = state.withLock { state -> Waiter<Value>? in
            guard let first = state.waiting[key]?.first else {
                otherwise()
                return nil
            }
            state.remove(first.number, from: key)
            return first.waiter
        }
        first?.tell(end)
    }

    /// Gives the result to all, for every key.
    public func tellAll(_ end: Result<Value, any Error>, after change: () -> Void = {}) {
        let told = state.withLock { state in
            change()
            defer { state.waiting = [:] }
            return state.waiting.values.joined().map(\.waiter)
        }
        for waiter in told { waiter.tell(end) }
    }

    private func take(_ number: Int, from key: Key) -> Waiter<Value>? {
        state.withLock { state in
            let waiter = state.waiting[key]?.first { $0.number == number }?.waiter
            state.remove(number, from: key)
            return waiter
        }
    }
}

extension Waiters.State {
    fileprivate mutating func remove(_ number: Int, from key: Key) {
        waiting[key]?.removeAll { $0.number == number }
        if waiting[key]?.isEmpty == true { waiting[key] = nil }
    }
}
