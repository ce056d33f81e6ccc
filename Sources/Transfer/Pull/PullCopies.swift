internal import Model

/// Files of one pull that have the same bytes: the first of each kind is brought, the others are copies of it.
struct PullCopies {
    private(set) var firsts: [Wanted] = []
    private var others: [Digest: [Wanted]] = [:]
    private let snapshot: Snapshot

    init(_ files: [Wanted], in snapshot: Snapshot) {
        self.snapshot = snapshot
        for file in files {
            let key = PartsKey.of(file.listed, in: snapshot)
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
                try Manifest.File(
                    path: other.listed.path, digest: file.digest, size: file.size, segments: file.segments))
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
