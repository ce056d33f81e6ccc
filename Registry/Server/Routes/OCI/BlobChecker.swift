import Model
import Platform
import Store
import Synchronization

/// Reads blobs in the background and compares them with their digests, a few at a time, each once for all who wait for it.
/// What is wrong is set aside.
final class BlobChecker: Sendable {
    private struct State {
        var queue: [Digest] = []
        /// What is in the queue, or being read.
        var known: Set<Digest> = []
        var working = 0
        var last = 0
        var waiting: [Digest: [Int: CheckedContinuation<Void, Never>]] = [:]
        var idle: [CheckedContinuation<Void, Never>] = []
    }

    private let registry: RegistryStore
    private let pool: BlockingPool
    private let state = Mutex(State())

    /// More would keep the disk from those who are served.
    private static let atOnce = 2
    /// Who asks for more than this finds what he asked for checked as it is sent.
    private static let mostQueued = 100_000

    init(_ registry: RegistryStore, on pool: BlockingPool) {
        self.registry = registry
        self.pool = pool
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
        // Not part of any task: it goes on when the request that began it is answered.
        if isNew { Task(executorPreference: pool) { self.work() } }
    }

    /// Returns when the blob was checked, or the time is over; then the check goes on.
    func check(_ digest: Digest, within patience: Duration) async {
        checkSoon(digest)
        await withCheckedContinuation { continuation in
            let number = state.withLock { state -> Int? in
                guard state.known.contains(digest) else { return nil }
                state.last += 1
                state.waiting[digest, default: [:]][state.last] = continuation
                return state.last
            }
            guard let number else { return continuation.resume() }
            Task(executorPreference: pool) {
                try? await Task.sleep(for: patience)
                self.state.withLock { $0.waiting[digest]?.removeValue(forKey: number) }?.resume()
            }
        }
    }

    /// Returns when nothing is left to check.
    func settle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state -> Bool in
                if state.working == 0 { return true }
                state.idle.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }

    private func work() {
        while let digest = next() {
            if case .wrong(let wrong)? = try? registry.check(digest) { _ = try? registry.setAside(wrong) }
            let waiting = state.withLock { state in
                state.known.remove(digest)
                return state.waiting.removeValue(forKey: digest) ?? [:]
            }
            for continuation in waiting.values { continuation.resume() }
        }
    }

    private func next() -> Digest? {
        let (digest, idle) = state.withLock { state -> (Digest?, [CheckedContinuation<Void, Never>]) in
            if !state.queue.isEmpty { return (state.queue.removeFirst(), []) }
            state.working -= 1
            guard state.working == 0 else { return (nil, []) }
            defer { state.idle = [] }
            return (nil, state.idle)
        }
        for continuation in idle { continuation.resume() }
        return digest
    }
}
