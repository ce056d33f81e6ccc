internal import Model
internal import Platform
internal import Synchronization

/// Work that is done once for all who ask for the same at the same time. It goes on when they leave.
final class SharedWork<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State {
        var last = 0
        /// Who waits, by what for.
        var waiting: [Key: [Int: CheckedContinuation<Value, any Error>]] = [:]
    }

    private let state = Mutex(State())
    private let pool: BlockingPool

    init(on pool: BlockingPool) { self.pool = pool }

    /// Whoever has waited for so long gets the error; the work is done all the same.
    func value(
        for key: Key, within limit: Duration, orElse late: any Error,
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let (number, isFirst) = state.withLock { state in
                state.last += 1
                let isFirst = state.waiting[key] == nil
                state.waiting[key, default: [:]][state.last] = continuation
                return (state.last, isFirst)
            }
            // Tasks of their own: they are nobody's who asks.
            if isFirst { Task(executorPreference: pool) { await self.run(key, work) } }
            Task(executorPreference: pool) {
                try? await Task.sleep(for: limit)
                self.state.withLock { $0.waiting[key]?.removeValue(forKey: number) }?.resume(throwing: late)
            }
        }
    }

    private func run(_ key: Key, _ work: () async throws -> Value) async {
        let result: Result<Value, any Error>
        do {
            result = .success(try await work())
        } catch {
            result = .failure(error)
        }
        let waiting = state.withLock { $0.waiting.removeValue(forKey: key) } ?? [:]
        for continuation in waiting.values { continuation.resume(with: result) }
    }
}
