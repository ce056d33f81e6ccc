internal import Synchronization

/// Tasks that outlive the task that started them, all of one owner. The owner can wait for them, and end them.
public final class BackgroundWork: Sendable {
    private struct State {
        var tasks: [Int: Task<Void, Never>] = [:]
        var last = 0
    }

    private let name: String
    private let pool: BlockingPool
    private let state = Mutex(State())

    /// Debuggers show the tasks under the name.
    public init(_ name: String, on pool: BlockingPool) { (self.name, self.pool) = (name, pool) }

    public func start(_ body: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            state.last += 1
            let number = state.last
            state.tasks[number] = Task(name: name, executorPreference: pool) {
                await body()
                self.state.withLock { $0.tasks[number] = nil }
            }
        }
    }

    /// Returns when all that is under way now has ended.
    public func settle() async { for task in state.withLock({ Array($0.tasks.values) }) { await task.value } }

    /// Cancels what is under way now, and returns when it has ended.
    public func cancel() async {
        let tasks = state.withLock { Array($0.tasks.values) }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
