internal import Model
internal import Synchronization

/// Commits about which peers have asked, and the upstream has not answered yet.
final class PeerQuestions: Sendable {
    private struct Key: Hashable {
        let repository: HubRepository
        let commit: String
    }

    private let open = Mutex<[Key: Int]>([:])

    func begin(_ repository: HubRepository, _ commit: String) {
        open.withLock { $0[Key(repository: repository, commit: commit), default: 0] += 1 }
    }

    func end(_ repository: HubRepository, _ commit: String) {
        let key = Key(repository: repository, commit: commit)
        open.withLock { open in
            let left = (open[key] ?? 1) - 1
            open[key] = left > 0 ? left : nil
        }
    }

    func has(_ repository: HubRepository, _ commit: String) -> Bool {
        open.withLock { $0[Key(repository: repository, commit: commit)] != nil }
    }
}
