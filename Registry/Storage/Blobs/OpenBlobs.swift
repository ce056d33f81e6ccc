internal import Model
internal import Platform

/// Blobs that were requested recently, still open: a client that reads one by ranges sends hundreds of requests. A blob
/// that any process removed since is not found here, and does not stay open for long.
final class OpenBlobs: Sendable {
    private struct Place: Hashable {
        let repository: RepositoryName
        let name: BlobName
    }

    private struct Opened {
        /// Says that the blob is the repository's.
        let mark: File
        let blob: RegistryStore.Blob
        /// Its file, or the text with its places.
        let path: String
        let status: Disk.Status
        var used: ContinuousClock.Instant
    }

    private static let life = Duration.seconds(2)
    private let opened = BoundedCache<Place, Opened>(room: 64)

    func blob(_ name: BlobName, in repository: RepositoryName) -> RegistryStore.Blob? {
        let place = Place(repository: repository, name: name)
        guard var found = opened[place] else { return nil }
        guard OpenBlobs.isNamed(found.mark), (try? Disk.status(found.path))??.isUnchanged(since: found.status) == true
        else {
            opened[place] = nil
            return nil
        }
        found.used = .now
        opened[place] = found
        return found.blob
    }

    func add(
        _ blob: RegistryStore.Blob, _ name: BlobName, in repository: RepositoryName, mark: File, from path: String,
        _ status: Disk.Status
    ) {
        opened[Place(repository: repository, name: name)] = Opened(
            mark: mark, blob: blob, path: path, status: status, used: .now)
    }

    func closeOld() {
        let now = ContinuousClock.now
        opened.removeAll { now - $1.used > OpenBlobs.life }
    }

    /// A file that was removed or replaced has no name any more.
    private static func isNamed(_ file: File) -> Bool { ((try? file.status().names) ?? 0) > 0 }
}
