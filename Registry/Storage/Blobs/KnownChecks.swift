internal import Model
internal import Platform
internal import Synchronization

/// Which blobs were read and matched their digest, and the state of their files then. Only in memory: forgotten blobs
/// are checked again.
final class KnownChecks: Sendable {
    private struct Check {
        let files: [Disk.Status]
        let time: ContinuousClock.Instant
    }

    private let known = BoundedCache<Digest, Check>(room: 1 << 17)

    func add(_ digest: Digest, _ files: [Disk.Status]) { known[digest] = Check(files: files, time: .now) }

    func forget(_ digest: Digest) { known[digest] = nil }

    /// Whether it was right within that time, or ever, and its files are still the same.
    func has(_ digest: Digest, _ files: [Disk.Status], within life: Duration?) -> Bool {
        guard let check = known[digest], check.files.isUnchanged(since: files) else { return false }
        return life.map { .now - check.time < $0 } ?? true
    }
}

extension [Disk.Status] {
    func isUnchanged(since other: [Disk.Status]) -> Bool {
        count == other.count && zip(self, other).allSatisfy { $0.isUnchanged(since: $1) }
    }
}

/// Blobs that were found wrong, or were never checked, while some of them was read. The checker takes them from here.
final class DoubtedBlobs: Sendable {
    private let handler = Mutex<(@Sendable (Digest) -> Void)?>(nil)

    func give(to handler: @escaping @Sendable (Digest) -> Void) { self.handler.withLock { $0 = handler } }

    func add(_ digest: Digest) { handler.withLock { $0 }?(digest) }
}
