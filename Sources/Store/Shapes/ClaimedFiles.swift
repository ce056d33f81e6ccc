public import Model
internal import Platform

extension LocalStore {
    /// Hashes the files of a manifest whose digests are a publisher's claim, and compares them. False where they were verified
    /// when they came. `expect` gets the number of bytes and of files, `did` is called with bytes that were read.
    public func verifyClaimedFiles(
        of manifest: Manifest, _ digest: Digest, expect: (UInt64, UInt64) -> Void = { _, _ in },
        did: (UInt64) -> Void = { _ in }, finished: () -> Void = {}
    ) async throws -> Bool {
        guard try areFilesClaimed(in: digest) else { return false }
        expect(manifest.size, UInt64(manifest.files.count))
        for file in manifest.files {
            var hash = SHA256()
            try await PieceReader(file.segments.map(\.layer), by: LayerReader(self)).forEach(checking: .pieces) {
                $1.withBytes { hash.update($0) }
                did(UInt64($1.count))
            }
            let found = hash.finish()
            guard found == file.digest else {
                throw CakeError(
                    .damaged,
                    "\(file.path) does not have the SHA-256 that came with it: it has \(found.short), and not "
                        + file.digest.short, fix: "pull the model again from a source that you trust")
            }
            finished()
        }
        try filesWereVerified(in: digest)
        return true
    }
}
