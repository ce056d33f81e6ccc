internal import Model
internal import Platform
internal import Store

/// Which of the wanted files are in the store whole, and which have to be brought.
struct PullPlan {
    private(set) var known: [Manifest.File] = []
    var missing: [SnapshotFile] = []

    init(
        _ wanted: [SnapshotFile], store: LocalStore, operation: Operation, _ options: Pull.Options
    ) throws(CakeError) {
        guard !options.isForced else {
            missing = wanted
            return
        }
        let files = try KnownFiles(of: store)
        let reader = LayerReader(store)
        for file in wanted {
            if let found = try PullPlan.find(file, in: files, reader), try PullPlan.isHere(found, operation) {
                known.append(
                    try Manifest.File(path: file.path, digest: found.digest, size: found.size, segments: found.segments)
                )
            } else {
                missing.append(file)
            }
        }
    }

    /// By its published SHA-256, under any name; a small file by what git would call the bytes of one that is here.
    static func find(
        _ file: SnapshotFile, in files: KnownFiles, _ reader: LayerReader
    ) throws(CakeError) -> Manifest.File? {
        if let sha256 = file.sha256 {
            guard let found = files[sha256], found.size == file.size else { return nil }
            return found
        }
        guard let wanted = file.gitDigest else { return nil }
        return files.small(ofSize: file.size).first { candidate in
            guard let bytes = try? reader.bytes(of: candidate, limit: Int(KnownFiles.smallLimit)) else { return false }
            var hash = GitHash(size: candidate.size)
            hash.update(bytes.span)
            return hash.finish() == wanted
        }
    }

    /// Whether all layers are in the store; from here on they stay.
    private static func isHere(_ file: Manifest.File, _ operation: Operation) throws(CakeError) -> Bool {
        try operation.claim(file.segments.map(\.layer)).allSatisfy { $0 == .here }
    }
}

/// Files of one pull that have the same bytes: the first of each kind is brought, the others are copies of it.
struct PullCopies {
    private(set) var firsts: [SnapshotFile] = []
    private var others: [Digest: [SnapshotFile]] = [:]
    private let snapshot: Snapshot

    init(_ files: [SnapshotFile], in snapshot: Snapshot) {
        self.snapshot = snapshot
        for file in files {
            let key = PartsKey.of(file, in: snapshot)
            if others[key] == nil {
                firsts.append(file)
                others[key] = []
            } else {
                others[key]?.append(file)
            }
        }
    }

    func copies(of file: Manifest.File, _ listed: SnapshotFile) throws(CakeError) -> [Manifest.File] {
        var copies: [Manifest.File] = []
        for other in others[PartsKey.of(listed, in: snapshot)] ?? [] {
            copies.append(
                try Manifest.File(path: other.path, digest: file.digest, size: file.size, segments: file.segments))
        }
        return copies
    }
}

extension Array {
    /// So many at a time, in order.
    func batches(of count: Int) -> [[Element]] {
        stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) }
    }
}
