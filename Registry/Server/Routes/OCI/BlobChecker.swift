import Model
import Platform
internal import Storage
import Store
import Synchronization

/// Reads blobs in the background and compares them with their digests, a few at a time, each once for all waiting
/// requests. Damaged ones are set aside.
final class BlobChecker: Sendable {
    private struct State {
        var queue = Queue<Digest>()
        /// Blobs in the queue, or being read.
        var known: Set<Digest> = []
        var working = 0
    }

    private let registry: RegistryStore
    /// It goes on when the request that began it is answered.
    private let workers: BackgroundWork
    private let state = Mutex(State())
    private let waiters = Waiters<Digest, Void>()

    /// More readers would slow down the clients.
    private static let atOnce = 2
    /// A blob that does not fit into the queue is checked when it is sent.
    private static let mostQueued = 100_000

    init(_ registry: RegistryStore, on pool: BlockingPool) {
        self.registry = registry
        workers = BackgroundWork("checks of blobs", on: pool)
        registry.onDoubt { [weak self] in self?.checkSoon($0) }
    }

    func checkSoon(_ digest: Digest) {
        let isNew = state.withLock { state -> Bool in
            guard state.queue.count < BlobChecker.mostQueued, state.known.insert(digest).inserted else { return false }
            state.queue.append(digest)
            guard state.working < BlobChecker.atOnce else { return false }
            state.working += 1
            return true
        }
        if isNew { workers.start { self.work() } }
    }

    /// Returns when the blob was checked, or the time is over; then the check continues.
    func check(_ digest: Digest, within patience: Duration) async {
        checkSoon(digest)
        try? await within(patience, orElse: CancellationError()) {
            try await self.waiters.wait(for: digest) {
                self.state.withLock { $0.known.contains(digest) } ? nil : .success(())
            }
        }
    }

    /// Returns when nothing is left to check.
    func settle() async { await workers.settle() }

    private func work() {
        while let digest = next() {
            if case .wrong(let wrong)? = try? registry.check(digest) { _ = try? registry.setAside(wrong) }
            waiters.tell(digest, .success(())) { state.withLock { _ = $0.known.remove(digest) } }
        }
    }

    private func next() -> Digest? {
        state.withLock { state in
            if let digest = state.queue.popFirst() { return digest }
            state.working -= 1
            return nil
        }
    }
}
