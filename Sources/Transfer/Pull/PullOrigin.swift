internal import Model
internal import Platform
internal import Remote
internal import Store

/// A file on a server during a pull.
protocol RemoteFile: RangeSource {
    /// The SHA-256 that the server gave with the file's address; for a listing that hides it.
    var announced: Digest? { get }
}

extension HubFile: RemoteFile {}

extension RemoteBlob: RemoteFile {
    var announced: Digest? { nil }
}

/// Where a pull's files come from.
protocol PullOrigin: Sendable {
    /// One that was wrong once is asked for where it was published.
    func file(_ listed: SnapshotFile, isDoubted: Bool) -> any RemoteFile
    func partsKey(of listed: SnapshotFile) -> Digest
    /// Another tool's copy on this disk.
    func copy(of listed: SnapshotFile, in caches: [String]) -> File?
}

/// A repository of a Hub, at one commit.
struct HubOrigin: PullOrigin {
    let source: HubSource
    let snapshot: Snapshot
    let near: (any NearServers)?

    func file(_ listed: SnapshotFile, isDoubted: Bool) -> any RemoteFile {
        HubFile(listed, in: snapshot, from: source, through: isDoubted ? nil : near)
    }

    func partsKey(of listed: SnapshotFile) -> Digest { PartsKey.of(listed, in: snapshot) }

    func copy(of listed: SnapshotFile, in caches: [String]) -> File? {
        CachedBlob.find(listed, in: caches, of: snapshot.repository)
    }
}

/// A repository of a registry, in which each file is a blob.
struct RegistryOrigin: PullOrigin {
    let repository: RemoteRepository
    let line: Line

    func file(_ listed: SnapshotFile, isDoubted: Bool) -> any RemoteFile {
        RemoteBlob(BlobName(partsKey(of: listed)), size: listed.size, in: repository, line: line)
    }

    /// Its content: a download of the same file from a Hub that was interrupted goes on here.
    func partsKey(of listed: SnapshotFile) -> Digest { listed.sha256 ?? .empty }

    func copy(of listed: SnapshotFile, in caches: [String]) -> File? { nil }
}

extension PullWork {
    init(
        source: HubSource, snapshot: Snapshot, store: LocalStore, operation: Operation, progress: Progress,
        options: Pull.Options, bases: BaseCandidates, provers: [any Prover], terms: XetTerms?, peer: PeerModel? = nil
    ) {
        self.init(
            origin: HubOrigin(source: source, snapshot: snapshot, near: options.peers ?? options.mirrors), store: store,
            operation: operation, progress: progress, options: options, bases: bases, provers: provers, terms: terms,
            peer: peer)
    }

    /// A file that does not match its published hash is downloaded once more, then the pull fails. A wrong copy of
    /// another tool, a wrong assumption or a damaged layer does not count as a try.
    func bring(
        _ batch: [WantedFile], _ copies: PullCopies, _ fetched: inout Pull.Fetched, publisher: String,
        _ waiting: @escaping @Sendable (FilePath) -> Void
    ) async throws {
        var missing = batch
        while !missing.isEmpty {
            let outcome = try await self(missing, waiting: waiting)
            try fetched.add(outcome, copies)
            missing = outcome.wrong
            progress.expect(bytes: missing.reduce(0) { $0 + $1.listed.size })
            if let lost = missing.first(where: { $0.failures > 1 }) {
                throw CakeError(
                    .damaged,
                    "\(lost.listed.path) does not match the hash that \(publisher) published, although it was downloaded twice",
                    fix: "the publisher's file or a proxy is broken; nothing of the file was kept")
            }
        }
    }
}
