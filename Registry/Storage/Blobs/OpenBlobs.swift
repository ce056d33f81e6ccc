internal import Model
internal import Platform
internal import Synchronization

/// Blobs that were requested recently, still open: a client that reads one by ranges sends hundreds of requests. A blob
/// that any process removed since is not found here, and does not stay open for long.
final class OpenBlobs: Sendable {
    private struct Place: Hashable {
        let repository: RepositoryName
        let name: BlobName
    }

    private final class Opened: Sendable {
        /// Says that the blob is the repository's.
        let mark: File
        let blob: RegistryStore.Blob
        /// Its file, or the text with its places.
        let path: String
        /// Is there when the repository serves models of the store.
        let models: String
        private let status: Disk.Status
        private let used = Mutex(ContinuousClock.now)

        init(_ blob: RegistryStore.Blob, mark: File, path: String, _ status: Disk.Status, models: String) {
            (self.blob, self.mark, self.path, self.status, self.models) = (blob, mark, path, status, models)
        }

        /// Nil when it was removed or replaced.
        func use() -> Disk.Status? {
            // A file that was removed or replaced has no name any more.
            guard ((try? mark.status().names) ?? 0) > 0, let now = (try? Disk.status(path)) ?? nil,
                now.isUnchanged(since: status)
            else { return nil }
            used.withLock { $0 = .now }
            return now
        }

        var lastUse: ContinuousClock.Instant { used.withLock { $0 } }
    }

    private static let life = Duration.seconds(2)
    private let opened = BoundedCache<Place, Opened>(room: 64)

    func blob(_ name: BlobName, in repository: RepositoryName) -> RegistryStore.Blob? {
        find(name, in: repository)?.opened.blob
    }

    func again(_ name: BlobName, in repository: RepositoryName) -> RegistryStore.BlobAgain? {
        guard let (opened, status) = find(name, in: repository), opened.blob.file != nil else { return nil }
        return RegistryStore.BlobAgain(blob: opened.blob, status: status, models: opened.models)
    }

    private func find(
        _ name: BlobName, in repository: RepositoryName
    ) -> (opened: Opened, status: Disk.Status)? {
        let place = Place(repository: repository, name: name)
        guard let found = opened[place] else { return nil }
        guard let status = found.use() else {
            opened[place] = nil
            return nil
        }
        return (found, status)
    }

    func add(
        _ blob: RegistryStore.Blob, _ name: BlobName, in repository: RepositoryName, mark: File, from path: String,
        _ status: Disk.Status, models: String
    ) {
        opened[Place(repository: repository, name: name)] = Opened(
            blob, mark: mark, path: path, status, models: models)
    }

    func closeOld() {
        let now = ContinuousClock.now
        opened.removeAll { now - $1.lastUse > OpenBlobs.life }
    }
}
