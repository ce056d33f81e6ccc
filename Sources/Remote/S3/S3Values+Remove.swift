internal import Model

/// Removing a value only if it is unchanged, on engines that ignore the condition of a DELETE. The value is replaced by
/// remains, with a condition on the write: from then on it is gone for everyone. The DELETE that follows removes the
/// remains. It takes effect soon or never, and until then no process writes over them.
extension S3Values {
    /// If an ETag is given, only while the value has it. False if nothing is removed.
    package func remove(_ key: String, ifUnchanged etag: String?) async throws -> Bool {
        guard let etag else {
            guard let there = try await bucket.look(at: key), !there.isRemoved else { return false }
            try await bucket.delete(key)
            return true
        }
        if try await abilities().deletesUnchanged { return try await bucket.delete(key, ifUnchanged: etag) }
        guard let there = try await bucket.look(at: key), there.etag == etag, !there.isRemoved else { return false }
        return try await finish(there, key)
    }

    /// The same, and what takes the value away is sent once. Fails if its answer is lost.
    package func removeOnce(_ key: String, ifUnchanged etag: String) async throws -> Bool {
        let removesUnchanged = try await abilities().deletesUnchanged
        guard let there = try await bucket.look(at: key), there.etag == etag, !there.isRemoved else { return false }
        if removesUnchanged { return try await bucket.deleteOnce(key, ifUnchanged: etag) }
        return try await finish(there, key, isSentOnce: true)
    }

    /// Puts new remains in the place of a value or of old remains, and removes them. False if another was faster.
    func finish(_ there: S3Bucket.Entry, _ key: String, isSentOnce: Bool = false) async throws -> Bool {
        let start = ContinuousClock.now
        let remains = S3Body(Array("removed \(S3Bucket.newName)\n".utf8))
        guard
            try await bucket.put(
                remains, at: key, if: .unchanged(there.etag), notes: [.instead: S3Values.removed],
                isSentOnce: isSentOnce)
        else { return false }
        // Never late, and tried once. Remains that stay are replaced or removed by others.
        guard ContinuousClock.now - start < S3Values.longestRemoval else { return true }
        do { try await bucket.deleteOnce(key) } catch { try Task.checkCancellation() }
        return true
    }

    /// Longer than any request may take from its sending to its effect, in seconds. No answer is waited for as long.
    static let longestRequest = 600
    /// Later than this after its beginning a removal sends no DELETE.
    private static let longestRemoval = Duration.seconds(60)
    static let mark = "mark"
    static let removed = "removed"
    /// In bytes, for listings.
    static let removedSize: UInt64 = 41
}

extension S3Bucket.Entry {
    /// An empty value whose bytes only make its ETag another.
    var isMark: Bool { notes[.instead] == S3Values.mark }

    /// The remains of a value.
    var isRemoved: Bool { notes[.instead] == S3Values.removed }

    /// Remains whose removal never ended.
    var isLeft: Bool { isRemoved && now - time > S3Values.longestRequest }
}
