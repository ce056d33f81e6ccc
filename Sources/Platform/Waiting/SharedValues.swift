internal import Synchronization

/// Values that are kept, and found once each: by the first task that asks for one, while others wait for it. A failure
/// is not kept; it goes to all waiting tasks. If the searching task is cancelled, the next one searches.
public final class SharedValues<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private enum Standing {
        case coming
        case here(Value)
    }

    private let standings = Mutex<[Key: Standing]>([:])
    /// Nil for a task that has to look again.
    private let waiters = Waiters<Key, Value?>()

    public init() {}

    package var waiting: Int { waiters.count }

    /// A kept value that is not current any more is searched again.
    public func value(
        for key: Key, isCurrent: (Value) -> Bool = { _ in true }, _ find: () async throws -> Value
    ) async throws -> Value {
        while true {
            var isFirst = false
            let known = try await waiters.wait(for: key) {
                standings.withLock { standings in
                    switch standings[key] {
                    case .coming: return nil
                    case .here(let value) where isCurrent(value): return .success(value)
                    case .here, nil:
                        standings[key] = .coming
                        isFirst = true
                        return .success(nil)
                    }
                }
            }
            if let known { return known }
            guard isFirst else { continue }
            do {
                let value = try await find()
                settle(key, .here(value), .success(value))
                return value
            } catch {
                settle(key, nil, error is CancellationError ? .success(nil) : .failure(error))
                throw error
            }
        }
    }

    /// Drops the kept value if it matches.
    public func forget(_ key: Key, where isMeant: (Value) -> Bool) {
        standings.withLock { standings in
            if case .here(let value) = standings[key], isMeant(value) { standings[key] = nil }
        }
    }

    private func settle(_ key: Key, _ standing: Standing?, _ end: Result<Value?, any Error>) {
        waiters.tell(key, end) { standings.withLock { $0[key] = standing } }
    }
}
