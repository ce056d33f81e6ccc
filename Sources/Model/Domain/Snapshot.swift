/// A repository at one commit, as its server lists it: all that can be downloaded, before anything is.
public struct Snapshot: Hashable, Sendable {
    public let repository: HubRepository
    /// The requested revision; nil is `main`.
    public private(set) var revision: String?
    /// The commit of the revision, in 40 hex digits.
    public let commit: String
    /// Sorted by path, each path once. No two paths are the same file on any disk.
    public let files: [SnapshotFile]
    public let size: UInt64
    /// The base models that it names.
    public var baseModels: [String] = []
    /// The server that listed it is a registry of cake's as well, which may have it as layers.
    public var isFromRegistry = false

    public init(
        repository: HubRepository, revision: String?, commit: String, files: [SnapshotFile]
    ) throws(CakeError) {
        guard Revision.isCommit(commit) else {
            throw CakeError(.damaged, "\(repository): \"\(Printable.escape(commit))\" is not a commit")
        }
        let sorted = files.sorted { $0.path < $1.path }
        try FilePath.refuseClashes(sorted.map(\.path))
        var total = ByteTotal()
        for file in sorted { try total.add(file.size, of: "\(repository): \(file.path)") }
        self.repository = repository
        self.revision = revision
        self.commit = commit
        self.files = sorted
        size = total.bytes
    }

    /// The same commit, by another word.
    public func called(_ revision: String) -> Snapshot {
        var other = self
        other.revision = revision
        return other
    }

    public func file(at path: FilePath) -> SnapshotFile? {
        let start = files.partitioningIndex { !($0.path < path) }
        return start < files.count && files[start].path == path ? files[start] : nil
    }
}

/// A file as a listing has it.
public struct SnapshotFile: Hashable, Sendable {
    public let path: FilePath
    public let size: UInt64
    /// Git keeps no more than a pointer to it: it comes from large file storage.
    public let isLarge: Bool
    /// The blob that git stores under the path: the file itself, or the pointer to it.
    public let blob: GitDigest?
    /// Of the bytes, for a large file; unknown to callers without access.
    public let sha256: Digest?
    /// Of the bytes, where Xet keeps them.
    public let xetHash: XetHash?

    public init(
        path: FilePath, size: UInt64, isLarge: Bool = false, blob: GitDigest? = nil, sha256: Digest? = nil,
        xetHash: XetHash? = nil
    ) {
        self.path = path
        self.size = size
        self.isLarge = isLarge
        self.blob = blob
        self.sha256 = sha256
        self.xetHash = xetHash
    }

    /// Of the bytes, for a file that git keeps whole; nil for a large one.
    public var gitDigest: GitDigest? { isLarge ? nil : blob }
}
