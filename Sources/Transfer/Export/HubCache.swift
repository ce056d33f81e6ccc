public import Model
internal import Platform
internal import Store

/// Where a model goes in a Hugging Face cache.
public struct HubCacheEntry: Sendable {
    /// `$HF_HOME/hub`.
    public let cache: String
    public let repository: HubRepository
    /// 40 hex digits.
    public let commit: String
    /// The branch or tag by which it is asked for; nil when it is asked for by its commit.
    public let revision: String?

    /// A model that did not come from the Hub has no commit; what its manifest hashes to does as well, and is the same
    /// each time.
    public init(
        in cache: String, _ name: ModelName, revision: String?, commit: String?, manifest: Digest
    ) throws(CakeError) {
        self.cache = Disk.absolute(cache)
        do {
            repository = try HubRepository(name.withoutRevision)
        } catch {
            throw CakeError(
                .usage, error.what, fix: "cake tag \(name) org/name gives it a name as the Hub has them")
        }
        self.commit = commit.flatMap { Revision.isCommit($0) ? $0 : nil } ?? String(manifest.hex.prefix(40))
        let asked = revision ?? name.revision ?? "main"
        self.revision = Revision.isCommit(asked) ? nil : asked
    }

    var folder: String { Disk.join(cache, repository.cacheFolder) }
    public var snapshot: String { "\(folder)/snapshots/\(commit)" }
}

extension Export {
    /// Writes files into a Hugging Face cache, as huggingface_hub lays it out. What is there stays; a file that the cache
    /// has under another repository gets another name instead of a copy.
    public func cache(
        _ name: ModelName, _ digest: Digest, _ files: [Manifest.File], to entry: HubCacheEntry
    ) async throws -> Report {
        let operation = try hold(digest)
        defer { withExtendedLifetime(operation) {} }
        progress.expect(bytes: files.reduce(0) { $0 + $1.size }, items: UInt64(files.count))
        try Disk.makeFolders(entry.folder)
        let folder = try ExportFolder(entry.folder)
        let blobs = try files.map { try blob(of: $0) }
        var wanted: [(file: Manifest.File, blob: FilePath)] = []
        var seen: Set<FilePath> = []
        for (file, blob) in zip(files, blobs) where seen.insert(blob).inserted {
            let isThere = try folder.isThere(
                blob, size: file.size, [(file.digest, file.size)], mayReplace: isForced
            ) { progress.did(bytes: $0) }
            if try isThere || adopt(file, as: blob, in: entry) {
                progress.finished()
            } else {
                wanted.append((file, blob))
            }
        }
        try? folder.clear()
        try folder.refuseIfTooSmall(for: wanted.reduce(0) { $0 + $1.file.size })
        if !wanted.isEmpty {
            try folder.begin()
            do {
                let (parts, chosen) = (wanted.indices.map(folder.part), wanted.map(\.file))
                try await inOrder(chosen.count, atOnce: BlockingPool.processors, on: store.pool) { index in
                    try await write(chosen[index], of: name, to: parts[index])
                } take: { _, _ in
                }
                try folder.publish(wanted.map(\.blob))
            } catch {
                folder.discard()
                throw error
            }
        }
        for (file, blob) in zip(files, blobs) { try link(file, to: blob, in: entry) }
        try Disk.syncFolder(entry.snapshot)
        try point(entry)
        return Report(
            files: wanted.count, bytes: wanted.reduce(0) { $0 + $1.file.size }, filesThere: files.count - wanted.count)
    }

    /// What the Hub calls a file: the SHA-256 of a large one, git's name of a small one. Which it was is not remembered:
    /// weights are large.
    private func blob(of file: Manifest.File) throws(CakeError) -> FilePath {
        let isLarge =
            file.size > Export.largestInGit || file.segments.contains { $0.tensor != nil }
            || Export.largeEndings.contains { file.path.string.lowercased().hasSuffix($0) }
        if isLarge { return try FilePath("blobs/\(file.digest.hex)") }
        let bytes = try LayerReader(store).bytes(of: file, limit: Int(Export.largestInGit))
        var hash = GitHash(size: file.size)
        hash.update(bytes.span)
        return try FilePath("blobs/\(hash.finish().hex)")
    }

    private static let largestInGit: UInt64 = 10 << 20

    /// What the Hub's own `.gitattributes` sends to large storage.
    private static let largeEndings = [
        ".bin", ".pt", ".pth", ".ckpt", ".h5", ".gguf", ".onnx", ".msgpack", ".model", ".npy", ".npz", ".parquet",
        ".pickle", ".pkl", ".tflite", ".zip", ".gz", ".ot", ".safetensors",
    ]

    /// Looks for the same bytes in other repositories of the cache.
    private func adopt(_ file: Manifest.File, as blob: FilePath, in entry: HubCacheEntry) throws -> Bool {
        for name in try Disk.names(in: entry.cache) where name != entry.repository.cacheFolder {
            let path = "\(entry.cache)/\(name)/\(blob.string)"
            guard let status = try Disk.status(path, followingLinks: false), status.kind == .file,
                status.size == file.size
            else { continue }
            let folder = try ExportFolder("\(entry.cache)/\(name)")
            let isSame = try folder.isThere(blob, size: file.size, [(file.digest, file.size)], mayReplace: true) {
                progress.did(bytes: $0)
            }
            guard isSame else { continue }
            try Disk.makeFolders(entry.folder + "/blobs")
            if try Disk.makeName("\(entry.folder)/\(blob.string)", of: path) { return true }
        }
        return false
    }

    /// `snapshots/<commit>/<path>`: a link to the blob. One that leads to the same bytes stays.
    private func link(_ file: Manifest.File, to blob: FilePath, in entry: HubCacheEntry) throws {
        let path = "\(entry.snapshot)/\(file.path.string)"
        try Disk.makeFolders(Disk.parent(of: path))
        let up = String(repeating: "../", count: 1 + file.path.parts.count)
        if try Disk.makeLink(path, saying: up + blob.string) { return }
        let (there, ours) = (try Disk.status(path), try Disk.status("\(entry.folder)/\(blob.string)"))
        if let there, let ours, (there.device, there.inode) == (ours.device, ours.inode) { return }
        let runs = [(digest: file.digest, count: file.size)]
        let isSame =
            try there?.size == file.size
            && ExportFolder.holds(path, runs, followingLinks: true) { progress.did(bytes: $0) }
        guard isSame else {
            throw CakeError(
                .failed, "\(Printable.escape(path)) is there with other content",
                fix: "remove it, or the snapshot it is in")
        }
    }

    /// `refs/<revision>`, unless somebody has it point elsewhere; and the mark that backups leave a cache out.
    private func point(_ entry: HubCacheEntry) throws(CakeError) {
        let tag = Disk.join(entry.cache, "CACHEDIR.TAG")
        if try !Disk.exists(tag) {
            try Disk.replace(tag, with: Array("Signature: 8a477f597d28d172789f06886806bc55\n".utf8))
        }
        guard let revision = entry.revision, let path = try? FilePath(revision) else { return }
        let reference = "\(entry.folder)/refs/\(path.string)"
        if try !Disk.exists(reference) { try Disk.replace(reference, with: Array(entry.commit.utf8)) }
    }
}

extension HubCacheEntry {
    /// The commit that the cache's own reference means, where that is another one.
    public var otherCommit: String? {
        guard let revision, let path = try? FilePath(revision),
            let bytes = try? Disk.read("\(folder)/refs/\(path.string)", limit: 256)
        else { return nil }
        let found = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        return found == commit ? nil : found
    }
}
