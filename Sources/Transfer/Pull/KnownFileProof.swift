internal import Model
internal import Platform
internal import Store

/// The cheapest proof: a file that is in a manifest here, under any model and name. Some of its layers may be missing;
/// then only those are downloaded.
struct KnownFileProof: Sendable {
    private let files: KnownFiles
    private let reader: LayerReader
    private let store: LocalStore

    init(_ store: LocalStore) throws(CakeError) {
        self.store = store
        files = try KnownFiles(of: store)
        reader = LayerReader(store)
    }

    /// By its published SHA-256, under any name; for a small file by git's name for the bytes of a file that is here.
    /// The result has the wanted path.
    func find(_ file: SnapshotFile) throws(CakeError) -> Manifest.File? {
        guard let found = same(file) else { return nil }
        return try Manifest.File(path: file.path, digest: found.digest, size: found.size, segments: found.segments)
    }

    private func same(_ file: SnapshotFile) -> Manifest.File? {
        if let sha256 = file.sha256 {
            guard let found = files[sha256], found.size == file.size else { return nil }
            return found
        }
        if let wanted = file.gitDigest, file.size <= KnownFiles.smallLimit {
            return files.files(ofSize: file.size).first {
                (try? store.gitDigest(of: $0, with: reader)) == wanted
            }
        }
        // For a large file whose SHA-256 is hidden.
        guard let wanted = file.xetHash else { return nil }
        return files.files(ofSize: file.size).first { xetHash(of: $0) == wanted }
    }

    /// Nil when not all of it can be read.
    private func xetHash(of file: Manifest.File) -> XetHash? {
        var hash = XetFileHash()
        let pieces = PieceReader(file.segments.lazy.map(\.layer), by: reader)
        guard (try? pieces.forEach { chunk in chunk.withBytes { hash.update($0) } }) != nil else { return nil }
        return hash.finish()
    }
}
