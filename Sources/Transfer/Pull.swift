public import Model
internal import Platform
public import Store

/// Brings a model from a Hub: finds what is here already, fetches what is not, turns it into layers while it arrives,
/// checks every file against what the Hub published, and only then gives the model its name.
public struct Pull: Sendable {
    public struct Options: Sendable {
        public var mostConnections = 32
        public var bytesPerSecond: UInt64?
        /// Folders of other tools' caches to look into before the network is asked.
        public var caches: [String] = []
        /// Fetch everything, whatever is here.
        public var isForced = false
        /// Each holds its folder of parts while it is brought, and a process may hold only so many files.
        var filesAtOnce = 200
        public init() {}
    }

    /// Why bytes did not have to be moved.
    public enum Proof: String, CaseIterable, Sendable {
        case knownFile = "known file"
        case cachedFile = "Hugging Face cache"
        case resumed = "fetched before"
    }

    public struct Report: Sendable {
        public let name: ModelName
        public let manifest: Digest
        public let commit: String
        public let files: Int
        public let bytes: UInt64
        public let bytesFetched: UInt64
        public let bytesSaved: [Proof: UInt64]
        public let bytesStored: UInt64
        /// The commit that the name had before, when this one is older than that.
        public let wentBackFrom: String?
        /// Files whose headers made no sense.
        public let complaints: [CakeError]
    }

    let source: HubSource
    let store: LocalStore
    let progress: Progress
    let options: Options

    public init(from source: HubSource, into store: LocalStore, progress: Progress, options: Options) {
        self.source = source
        self.store = store
        self.progress = progress
        self.options = options
    }

    /// `selected` are the files of the snapshot that are wanted.
    public func callAsFunction(
        _ snapshot: Snapshot, _ selected: [SnapshotFile], as name: ModelName,
        waiting: @escaping @Sendable (FilePath) -> Void
    ) async throws -> Report {
        let operation = try Operation(store)
        progress.expect(bytes: selected.reduce(0) { $0 + $1.size }, items: UInt64(selected.count))
        let plan = try PullPlan(selected, store: store, operation: operation, options)
        for file in plan.known { progress.knew(file) }
        var fetched = Fetched(verified: plan.known)
        let copies = PullCopies(plan.missing, in: snapshot)
        let batches = copies.firsts.batches(of: options.filesAtOnce)
        for (number, batch) in batches.enumerated() {
            let work = PullWork(
                source: source, snapshot: snapshot, store: store, operation: operation, progress: progress,
                options: options)
            try await bring(batch, copies, work, &fetched, waiting)
            if number + 1 < batches.count {
                fetched.stored += try operation.publish()
                for checkpoint in fetched.checkpoints { try checkpoint.settle() }
            }
        }
        progress.begin("publishing \(name)")
        fetched.stored += try operation.publish()
        let manifest = try Manifest(
            files: fetched.verified + rest(of: name, at: snapshot, without: fetched.verified))
        let digest = try store.save(manifest, in: operation)
        let before = try point(name, to: digest, snapshot, in: operation)
        for file in fetched.finished { try file.discardParts() }
        for checkpoint in fetched.checkpoints { try checkpoint.retire() }
        var saved = fetched.saved
        saved[.knownFile, default: 0] += plan.known.reduce(0) { $0 + $1.size }
        return Report(
            name: name, manifest: digest, commit: snapshot.commit, files: selected.count, bytes: manifest.size,
            bytesFetched: fetched.bytes, bytesSaved: saved, bytesStored: fetched.stored, wentBackFrom: before,
            complaints: fetched.finished.compactMap(\.segmentation.complaint))
    }

    /// A file that does not hash to what was published is fetched once more, then given up. A copy of another tool's
    /// that is wrong costs no try.
    private func bring(
        _ batch: [SnapshotFile], _ copies: PullCopies, _ work: PullWork, _ fetched: inout Fetched,
        _ waiting: @escaping @Sendable (FilePath) -> Void
    ) async throws {
        var missing = batch
        var rounds = options.caches.isEmpty || options.isForced ? [true, true] : [false, true, true]
        while !missing.isEmpty {
            guard !rounds.isEmpty else {
                throw CakeError(
                    .damaged, "\(missing[0].path) does not hash to what \(source.routes) published, fetched twice",
                    fix: "the publisher's file or a proxy on the way is broken; nothing of it was kept")
            }
            let outcome = try await work(missing, skippingCopies: rounds.removeFirst(), waiting: waiting)
            try fetched.add(outcome, copies)
            missing = outcome.wrong
        }
    }

    /// Files of the same commit that the name has already: to pull some more of a model takes nothing away.
    private func rest(
        of name: ModelName, at snapshot: Snapshot, without brought: [Manifest.File]
    ) throws(CakeError) -> [Manifest.File] {
        guard let record = try store.record(of: name), record.commit == snapshot.commit,
            let files = try? store.manifest(record.manifest).files
        else { return [] }
        let paths = Set(brought.map(\.path))
        return files.filter { !paths.contains($0.path) }
    }

    /// Which of the files a pull would have to bring, as far as can be said without asking.
    public static func missing(
        _ wanted: [SnapshotFile], in store: LocalStore, _ options: Options
    ) throws(CakeError) -> [SnapshotFile] {
        try PullPlan(wanted, store: store, operation: Operation(store), options).missing
    }

    private struct Fetched {
        var verified: [Manifest.File]
        var bytes: UInt64 = 0
        var stored: UInt64 = 0
        var saved: [Proof: UInt64] = [:]
        var finished: [RemoteFile] = []
        var checkpoints: [Checkpoint] = []

        init(verified: [Manifest.File]) { self.verified = verified }

        mutating func add(_ outcome: PullWork.Outcome, _ copies: PullCopies) throws(CakeError) {
            for (listed, file) in outcome.verified {
                let same = try copies.copies(of: file, listed)
                verified += [file] + same
                let size = same.reduce(UInt64(0)) { $0 + $1.size }
                if size > 0 { saved[.knownFile, default: 0] += size }
            }
            bytes += outcome.bytesFetched
            stored += outcome.bytesStored
            saved.merge(outcome.saved) { $0 + $1 }
            finished += outcome.finished
            if let checkpoint = outcome.checkpoint { checkpoints.append(checkpoint) }
        }
    }

    private func point(
        _ name: ModelName, to manifest: Digest, _ snapshot: Snapshot, in operation: Operation
    ) throws(CakeError) -> String? {
        var before: String?
        try store.update(name, in: operation) { old in
            var record = old ?? NameRecord(manifest: manifest)
            if let now = old?.commit, now != snapshot.commit {
                if record.earlierCommits.contains(snapshot.commit) { before = now }
                record.earlierCommits.append(now)
            }
            record.manifest = manifest
            record.time = Machine.now
            record.source = snapshot.repository.description
            record.revision = snapshot.revision ?? Revision.main
            record.commit = snapshot.commit
            return record
        }
        return before
    }
}

extension Progress {
    fileprivate func knew(_ file: Manifest.File) {
        did(bytes: file.size)
        knew(bytes: file.size)
        finished()
    }
}
