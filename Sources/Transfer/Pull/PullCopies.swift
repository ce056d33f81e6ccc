internal import Model

/// Files of one pull that have the same bytes: the first of each kind is downloaded, the others are copies of it.
struct PullCopies {
    private(set) var firsts: [WantedFile] = []
    private var others: [Digest: [WantedFile]] = [:]
    private let key: @Sendable (SnapshotFile) -> Digest

    init(_ files: [WantedFile], in snapshot: Snapshot) { self.init(files) { PartsKey.of($0, in: snapshot) } }

    /// Files with the same key have the same bytes.
    init(_ files: [WantedFile], key: @escaping @Sendable (SnapshotFile) -> Digest) {
        self.key = key
        for file in files {
            let key = key(file.listed)
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
        for other in others[key(listed)] ?? [] {
            copies.append(
                try Manifest.File(
                    path: other.listed.path, digest: file.digest, size: file.size, segments: file.segments))
        }
        return copies
    }
}

extension [WantedFile] {
    /// A batch's cuts are in memory at once, before it is known whether the disk has room for it.
    private static let mostBytes: UInt64 = 4 << 40

    /// So many at a time, in order, and fewer where servers claim that they are large.
    func batches(of count: Int) -> [[WantedFile]] {
        var batches: [[WantedFile]] = []
        var bytes: UInt64 = 0
        for file in self {
            bytes = bytes.clampedSum(file.listed.size)
            if let last = batches.last, last.count < count, bytes <= Self.mostBytes {
                batches[batches.count - 1].append(file)
            } else {
                batches.append([file])
                bytes = file.listed.size
            }
        }
        return batches
    }
}
