public import Model
import Platform
internal import Storage
import Store
import Synchronization

/// Collections while the server runs, each as `cake gc` does it.
final class ScheduledCollection: Sendable {
    struct Counts: Sendable {
        var runs: UInt64 = 0
        var failures: UInt64 = 0
        var freed: UInt64 = 0
        /// Seconds since 1970; 0 if this server has ended none.
        var last = 0
        var seconds = 0.0
    }

    private struct State {
        var counts = Counts()
        var isWorking = false
        var lookedAt = 0
    }

    private let registry: RegistryStore
    private let every: Duration
    private let report: @Sendable (RegistryServer.Collection) -> Void
    private let work: BackgroundWork
    private let state = Mutex(State())

    init(
        _ registry: RegistryStore, every: Duration, on pool: BlockingPool,
        _ report: @escaping @Sendable (RegistryServer.Collection) -> Void
    ) {
        self.registry = registry
        self.every = every
        self.report = report
        work = BackgroundWork("collections", on: pool)
    }

    var counts: Counts { state.withLock { $0.counts } }

    /// To be called now and then.
    func look() {
        let now = Machine.now
        let isNew = state.withLock { state -> Bool in
            guard !state.isWorking, abs(now - state.lookedAt) >= registry.scheduleStep else { return false }
            (state.isWorking, state.lookedAt) = (true, now)
            return true
        }
        guard isNew else { return }
        work.start {
            self.collect()
            self.state.withLock { $0.isWorking = false }
        }
    }

    func settle() async { await work.settle() }

    private func collect() {
        let start = ContinuousClock.now
        do throws(CakeError) {
            guard let scheduled = try registry.collect(every: every) else { return }
            let freed = scheduled.collected.bytes + scheduled.blobs.bytes
            note(since: start) { counts in
                counts.runs += 1
                counts.freed += freed
            }
            report(
                .init(
                    bytes: freed, layers: scheduled.collected.layers, blobs: scheduled.blobs.blobs,
                    duration: .now - start, failure: nil))
        } catch {
            note(since: start) { $0.failures += 1 }
            report(.init(bytes: 0, layers: 0, blobs: 0, duration: .now - start, failure: error))
        }
    }

    private func note(since start: ContinuousClock.Instant, _ change: (inout Counts) -> Void) {
        state.withLock { state in
            change(&state.counts)
            state.counts.last = Machine.now
            state.counts.seconds = (ContinuousClock.now - start) / .seconds(1)
        }
    }
}

extension RegistryServer {
    /// A collection that this server did, for its log.
    public struct Collection: Sendable {
        public let bytes: UInt64
        public let layers: Int
        public let blobs: Int
        public let duration: Duration
        /// Then nothing is known of what it freed.
        public let failure: CakeError?
    }
}
