internal import Model
internal import Synchronization

/// Tombstones of collections, as a program heeds them that writes to a bucket without a server.
final class BucketTombstones: Sendable {
    private let values: S3Values
    private let lately = Mutex<(listed: Set<Digest>, time: ContinuousClock.Instant)?>(nil)

    init(_ values: S3Values) { self.values = values }

    /// Takes away a tombstone that waits, or that a killed collection left. False while the blob is being removed.
    func save(_ blob: Digest) async throws -> Bool {
        let key = Tombstone.key(of: blob)
        // The answer of a removal is not believed: a collection may have been faster.
        while let (entry, bytes) = try await values.open(key) {
            guard entry.size <= Tombstone.longest else {
                throw CakeError(.damaged, "\(values.bucket)/\(key) is not a tombstone", fix: "delete this key")
            }
            guard try Tombstone(parsing: bytes, at: "\(values.bucket)/\(key)").yields(atAge: entry.now - entry.time)
            else { return false }
            _ = try await values.remove(key, ifUnchanged: entry.etag)
        }
        return true
    }

    /// Whether it had one, by what was listed in the last two seconds.
    func has(_ blob: Digest) async throws -> Bool {
        let now = ContinuousClock.now
        if let known = lately.withLock({ $0 }), now - known.time < Tombstone.memory {
            return known.listed.contains(blob)
        }
        let listed = Set(try await values.names(in: Tombstone.folder).compactMap { Digest(hex: $0) })
        lately.withLock { $0 = (listed, now) }
        return listed.contains(blob)
    }

    /// Waits until a collection that is removing the blob has ended.
    func saveOrWait(_ blob: Digest) async throws {
        var waits = 0
        while try await !save(blob) {
            guard waits < BucketTombstones.mostWaits else { throw busy(blob) }
            waits += 1
            try await values.bucket.rest(BucketTombstones.step)
        }
    }

    private static let step = Duration.milliseconds(250)
    private static let mostWaits = Int(Tombstone.patience / step)

    func busy(_ blob: Digest) -> CakeError {
        CakeError(
            .locked, "\(values.bucket): a collection is removing blob \(blob.short)",
            fix: "run the same command again in a minute")
    }
}
