internal import Model
internal import Platform
internal import Synchronization

/// Blobs that were asked for a moment ago, still open: who reads one by ranges asks for hundreds. One that was removed
/// since, by whatever process, is not found here; and nothing that was removed stays open for long.
final class OpenBlobs: Sendable {
    private struct Place: Hashable {
        let repository: RepositoryName
        let name: BlobName
    }

    private struct Opened {
        /// Says that the blob is the repository's.
        let mark: File
        let blob: RegistryStore.Blob
        /// What it lies in, or the text that says where.
        let path: String
        let status: Disk.Status
        var used: ContinuousClock.Instant
    }

    private static let most = 64
    private static let life = Duration.seconds(2)
    private let opened = Mutex<[Place: Opened]>([:])

    func blob(_ name: BlobName, in repository: RepositoryName) -> RegistryStore.Blob? {
        let place = Place(repository: repository, name: name)
        let found = opened.withLock { opened in
            opened[place]?.used = .now
            return opened[place]
        }
        guard let found else { return nil }
        if OpenBlobs.isNamed(found.mark), (try? Disk.status(found.path))??.isUnchanged(since: found.status) == true {
            return found.blob
        }
        opened.withLock { $0[place] = nil }
        return nil
    }

    func add(
        _ blob: RegistryStore.Blob, _ name: BlobName, in repository: RepositoryName, mark: File, from path: String,
        _ status: Disk.Status
    ) {
        opened.withLock { opened in
            if opened.count >= OpenBlobs.most, let oldest = opened.min(by: { $0.value.used < $1.value.used }) {
                opened[oldest.key] = nil
            }
            opened[Place(repository: repository, name: name)] = Opened(
                mark: mark, blob: blob, path: path, status: status, used: .now)
        }
    }

    func closeOld() {
        let now = ContinuousClock.now
        let old = opened.withLock { opened in
            let old = opened.filter { now - $0.value.used > OpenBlobs.life }
            for place in old.keys { opened[place] = nil }
            return old
        }
        withExtendedLifetime(old) {}
    }

    /// A file that was removed or replaced has no name any more.
    private static func isNamed(_ file: File) -> Bool { ((try? file.status().names) ?? 0) > 0 }
}
