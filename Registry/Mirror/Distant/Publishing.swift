internal import Model
internal import Platform
internal import Synchronization

/// Models of the work store on their way into another storage.
final class Publishing: Sendable {
    private struct State {
        var busy: Set<ModelName> = []
        /// Those that could not be published, and what the next try is told.
        var late: [ModelName: [SnapshotFile]?] = [:]
        var due = ContinuousClock.now
        var isComplaining = false
        var isCollecting = false
        /// When old leftovers in the storage are looked for.
        var tidies = ContinuousClock.now
    }

    private static let pause = Duration.seconds(5)
    private static let tidyPause = Duration.seconds(6 * 3600)

    private let state = Mutex(State())
    private let queue = Waiters<ModelName, Void>()
    let tasks: BackgroundWork

    init(on pool: BlockingPool) { tasks = BackgroundWork("models for all servers", on: pool) }

    /// One after the other for each name: the second finds what the first has published.
    func alone(_ name: ModelName, _ body: () async -> Void) async {
        let isIn: Void? = try? await queue.wait(for: name) {
            state.withLock { $0.busy.insert(name).inserted ? .success(()) : nil }
        }
        guard isIn != nil else { return later(name) }
        await body()
        queue.tellFirst(name, .success(())) { state.withLock { _ = $0.busy.remove(name) } }
    }

    func later(_ name: ModelName, _ complete: [SnapshotFile]? = nil) { state.withLock { $0.late[name] = complete } }

    /// Whether this is the first failure in a row.
    func fails() -> Bool {
        state.withLock { state in
            defer { state.isComplaining = true }
            return !state.isComplaining
        }
    }

    /// Whether there were failures before.
    func succeeds() -> Bool {
        state.withLock { state in
            defer { state.isComplaining = false }
            return state.isComplaining
        }
    }

    /// What is to be tried again now.
    func takeDue() -> [ModelName: [SnapshotFile]?] {
        state.withLock { state in
            guard !state.late.isEmpty, state.due <= .now else { return [:] }
            state.due = .now + Publishing.pause
            defer { state.late = [:] }
            return state.late
        }
    }

    /// Whether the caller looks for leftovers now.
    func mayTidy() -> Bool {
        state.withLock { state in
            guard state.tidies <= .now else { return false }
            state.tidies = .now + Publishing.tidyPause
            return true
        }
    }

    /// Whether the caller collects now.
    func mayCollect() -> Bool {
        state.withLock { state in
            defer { state.isCollecting = true }
            return !state.isCollecting
        }
    }

    func hasCollected() { state.withLock { $0.isCollecting = false } }

    func settle() async { await tasks.settle() }
    func stop() async { await tasks.cancel() }
}
