import Model
import Platform
internal import Storage
import Store

/// Recent decisions about access to blobs: a client that reads one by ranges sends hundreds of requests. A decision
/// holds until anything changes that it was made from.
final class Decisions: Sendable {
    struct Key: Hashable {
        private let blob: BlobName
        private let repository: RepositoryName
        private let readers: [RegistryReader]
        private let mayPush: Bool

        init(_ blob: BlobName, _ repository: RepositoryName, _ caller: Caller) {
            self.blob = blob
            self.repository = repository
            readers = caller.readers
            mayPush = caller.mayPush(repository)
        }
    }

    private struct Decision {
        let isGiven: Bool
        let state: RegistryStore.BlobState
        let time: ContinuousClock.Instant
    }

    /// A removal by a collection of another process counts after this time.
    private static let life = Duration.seconds(60)
    private let made = BoundedCache<Key, Decision>(room: 8192)

    subscript(key: Key, state: RegistryStore.BlobState) -> Bool? {
        guard let decision = made[key], decision.state == state, .now - decision.time < Decisions.life else {
            return nil
        }
        return decision.isGiven
    }

    func has(_ key: Key) -> Bool { made.has(key) }

    func note(_ isGiven: Bool, _ key: Key, _ state: RegistryStore.BlobState) {
        made[key] = Decision(isGiven: isGiven, state: state, time: .now)
    }
}
