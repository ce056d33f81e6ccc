public import Model
internal import Platform
public import Store

/// Frees the disk space that a Hugging Face cache takes for models that are in the store: each file of the cache
/// becomes a hard link to an exported one, or is removed.
public struct Reclaim: Sendable {
    /// A snapshot of the cache.
    public struct Snapshot: Sendable {
        public let name: ModelName
        /// Of the store, under the paths that the snapshot has.
        public let files: [Manifest.File]
        let blobs: [Blob]
        /// Paths whose bytes the store does not have.
        public let unknown: [FilePath]
    }

    /// A file of the cache that the store has, too.
    public struct Blob: Sendable {
        public let location: String
        public let path: FilePath
        public let file: Manifest.File
        public let name: ModelName
        let status: Disk.Status
    }

    public struct Plan: Sendable {
        public let snapshots: [Snapshot]
        /// Invalid folders of the cache, such as one that is being written.
        public let complaints: [CakeError]
        /// Each file on disk once.
        public let blobs: [Blob]
        public var bytes: UInt64 { blobs.reduce(0) { $0 + $1.file.size } }
    }

    public struct Report: Sendable {
        public var blobs = 0
        public var bytes: UInt64 = 0

        public init() {}
    }

    let store: LocalStore
    let progress: Progress

    public init(from store: LocalStore, progress: Progress) {
        self.store = store
        self.progress = progress
    }

    /// Reads every small file of the cache, and takes large ones by the name they have: nothing is done yet.
    public func plan(of cache: String) throws -> Plan {
        let known = try KnownFiles(of: store)
        var snapshots: [Snapshot] = []
        var complaints: [CakeError] = []
        guard try Disk.exists(cache) else {
            throw CakeError(
                .notFound, "no Hugging Face cache at \(Printable.escape(cache))", fix: "set HF_HUB_CACHE to its folder")
        }
        for repository in try CachedRepository.all(in: Disk.canonical(cache)) {
            do {
                for candidate in try repository.candidates(false) {
                    snapshots.append(try snapshot(candidate, of: repository, known))
                }
            } catch let error as CakeError { complaints.append(error.at(repository.repository)) }
        }
        var seen: Set<String> = []
        let blobs = snapshots.flatMap(\.blobs).filter { seen.insert($0.location).inserted }
        return Plan(snapshots: snapshots, complaints: complaints, blobs: blobs)
    }

    private func snapshot(
        _ candidate: ImportPath.Candidate, of repository: CachedRepository, _ known: KnownFiles
    ) throws -> Snapshot {
        var files: [Manifest.File] = []
        var blobs: [Blob] = []
        var unknown: [FilePath] = []
        let own = try Disk.canonical(repository.folder) + "/blobs/"
        for found in candidate.source.files {
            try Task.checkCancellation()
            guard let status = try Disk.status(found.location) else { continue }
            let digest = try found.promised ?? digest(of: found.location, size: found.size)
            guard let file = known[digest], file.size == found.size else {
                unknown.append(found.path)
                continue
            }
            let here = try Manifest.File(
                path: found.path, digest: file.digest, size: file.size, segments: file.segments)
            files.append(here)
            // Files that several repositories share have a count of their users, which belongs to the cache.
            guard found.location.hasPrefix(own), file.size > 0 else { continue }
            blobs.append(
                Blob(location: found.location, path: found.path, file: here, name: candidate.name, status: status))
        }
        return Snapshot(name: candidate.name, files: files, blobs: blobs, unknown: unknown)
    }

    private func digest(of path: String, size: UInt64) throws -> Digest {
        let file = try File(path, .read)
        var hash = SHA256()
        try store.forEachChunk(of: PlainBytes(file: file, start: 0, count: size)) { hash.update($0) }
        return hash.finish()
    }

    /// Exports every snapshot into a folder, checks every file, and makes each blob another name of the file that is there.
    public func link(_ plan: Plan, to destination: String) async throws -> Report {
        let operation = try hold(plan)
        defer { withExtendedLifetime(operation) {} }
        try Disk.makeFolders(destination)
        let device = try Disk.status(destination)?.device
        if let other = plan.blobs.first(where: { $0.status.device != device }) {
            throw CakeError(
                .failed,
                "\(Printable.escape(destination)) is on another disk than \(Printable.escape(other.location))",
                fix: "choose a folder on the disk of the cache; hard links cannot cross disks")
        }
        try await export(plan, to: destination)
        return try await forEachBlob(of: plan) { blob in
            let file = "\(destination)/\(blob.name.string)/\(blob.path.string)"
            guard try Disk.status(file)?.inode != blob.status.inode else { return false }
            return try Disk.replace(blob.location, byNameOf: file)
        }
    }

    /// Reads all layers of the plan's files again, and removes the blobs and the links to them. Files that need a
    /// damaged layer stay.
    public func delete(_ plan: Plan, to destination: String?) async throws -> Report {
        let operation = try hold(plan)
        defer { withExtendedLifetime(operation) {} }
        var seen: Set<Digest> = []
        let layers = plan.blobs.flatMap(\.file.segments).map(\.layer).filter { seen.insert($0.digest).inserted }
        progress.expect(bytes: layers.reduce(0) { $0 + $1.size })
        let damages = try await store.verify(layers) { progress.did(bytes: $0) }
        let bad = Set(damages.map(\.layer.digest))
        if let destination { try await export(plan, to: destination) }
        let report = try await forEachBlob(of: plan) { blob in
            guard !blob.file.segments.contains(where: { bad.contains($0.layer.digest) }) else { return false }
            try removeLinks(in: Disk.parent(of: Disk.parent(of: blob.location)), to: blob.location)
            try Disk.remove(blob.location)
            return true
        }
        guard let first = damages.first else { return report }
        throw CakeError(
            .damaged,
            "\(damages.count == 1 ? "1 layer is" : "\(damages.count) layers are") damaged, such as "
                + "\(first.layer.digest.short); the files that need damaged layers were kept",
            fix: "run cake import on the cache again: it stores the damaged layers again")
    }

    /// The plan's layers stay in the store meanwhile.
    private func hold(_ plan: Plan) throws(CakeError) -> Operation {
        let operation = try Operation(store)
        _ = try operation.claim(plan.snapshots.flatMap(\.files).flatMap(\.segments).map(\.layer))
        return operation
    }

    private func export(_ plan: Plan, to destination: String) async throws {
        for snapshot in plan.snapshots where !snapshot.files.isEmpty {
            let path = try FilePath(snapshot.name.string)
            _ = try await Export(from: store, progress: progress)(
                snapshot.name, nil, snapshot.files, to: Disk.join(destination, path.string))
        }
    }

    /// Only files that were not written to since the plan was made.
    private func forEachBlob(of plan: Plan, _ work: (Blob) throws -> Bool) async throws -> Report {
        var report = Report()
        for blob in plan.blobs {
            try Task.checkCancellation()
            guard let now = try Disk.status(blob.location, followingLinks: false), now.kind == .file,
                now.isUnchanged(since: blob.status), try work(blob)
            else { continue }
            report.blobs += 1
            report.bytes += blob.file.size
        }
        return report
    }

    /// The links of a repository's snapshots that lead to a blob.
    private func removeLinks(in folder: String, to blob: String) throws {
        for commit in try Disk.names(in: folder + "/snapshots") {
            try removeLinks(below: "\(folder)/snapshots/\(commit)", to: blob)
        }
    }

    private func removeLinks(below folder: String, to blob: String) throws {
        for name in try Disk.names(in: folder) {
            let path = "\(folder)/\(name)"
            guard let status = try Disk.status(path, followingLinks: false) else { continue }
            switch status.kind {
            case .folder: try removeLinks(below: path, to: blob)
            case .link where (try? Disk.canonical(path)) == blob: try Disk.remove(path)
            default: break
            }
        }
    }
}
