internal import Synchronization

/// Work that is done once for all tasks that ask for the same at the same time. It continues when they leave.
public final class SharedWork<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let running = Mutex<Set<Key>>([])
    private let waiters = Waiters<Key, Value>()
    private let tasks: BackgroundWork

    /// Debuggers show the work under the name.
    public init(_ name: String, on pool: BlockingPool) { tasks = BackgroundWork(name, on: pool) }

    package var waiting: Int { waiters.count }

    public func value(for key: Key, _ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await waiters.wait(for: key) {
            // Not a child task: it must outlive those that asked.
            if running.withLock({ $0.insert(key).inserted }) {
                tasks.start { await self.run(key, work) }
            }
            return nil
        }
    }

    /// A task that has waited for the limit gets the error; the work is done all the same.
    public func value(
        for key: Key, within limit: Duration, orElse late: any Error,
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await within(limit, orElse: late) { try await self.value(for: key, work) }
    }

    /// Returns when all that is under way now has ended.
    public func settle() async { await tasks.settle() }

    private func run(_ key: Key, _ work: () async throws -> Value) async {
        let result: Result<Value, any Error>
        do {
            result = .success(try await work())
        } catch {
            result = .failure(error)
        }
        waiters.tell(key, result) { running.withLock { _ = $0.remove(key) } }
    }
}
