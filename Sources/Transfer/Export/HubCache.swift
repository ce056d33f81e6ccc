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
    /// The Hub's identifiers of files, if the model came from it.
    let etags: [FilePath: String]
    /// The branch or tag by which it is asked for; nil when it is asked for by its commit.
    public let revision: String?

    /// A model that did not come from the Hub has no commit. The digest of its manifest replaces it, and is the same
    /// each time.
    public init(
        in cache: String, _ name: ModelName, revision: String?, commit: String?, manifest: Digest,
        etags: [FilePath: String] = [:], from source: String? = nil
    ) throws(CakeError) {
        self.etags = etags
        self.cache = Disk.absolute(cache)
        do {
            repository = try HubRepository(of: name, from: source)
        } catch {
            throw CakeError(
                .usage, error.what, fix: "cake tag \(name) org/name gives it a name that the Hub allows")
        }
        self.commit = commit.flatMap { Revision.isCommit($0) ? $0 : nil } ?? String(manifest.hex.prefix(40))
        let asked = revision ?? name.revision ?? "main"
        self.revision = Revision.isCommit(asked) ? nil : asked
    }

    var folder: String { Disk.join(cache, repository.cacheFolder) }
    public var snapshot: String { "\(folder)/snapshots/\(commit)" }
}

extension Export {
    /// Writes files into a Hugging Face cache, in the layout of huggingface_hub. Existing files stay. A file that the
    /// cache has under another repository becomes a hard link instead of a copy.
    /// `movesReference`: the Hub said a moment ago which commit the branch means.
    public func cache(
        _ name: ModelName, _ digest: Digest, _ files: [Manifest.File], to entry: HubCacheEntry,
        movesReference: Bool = false
    ) async throws -> Report {
        let operation = try hold(digest)
        defer { withExtendedLifetime(operation) {} }
        try Disk.makeFolders(entry.folder)
        let folder = try ExportFolder(entry.folder)
        let blobs = try files.map { try blob(of: $0, calling: entry.etags[$0.path]) }
        var seen: Set<FilePath> = []
        let outputs = zip(files, blobs).filter { seen.insert($1).inserted }.map { Output($0, at: $1) }
        let report = try await write(outputs, of: name, to: folder, naming: ModelStream.names(of: files)) { output in
            try isThere(output, in: folder) || adopt(output, in: entry)
        }
        for (file, blob) in zip(files, blobs) { try link(file, to: blob, in: entry) }
        try Disk.syncFolder(entry.snapshot)
        try point(entry, movesReference: movesReference)
        return Report(files: report.files, bytes: report.bytes, filesThere: files.count - report.files)
    }

    private func blob(of file: Manifest.File, calling etag: String?) throws(CakeError) -> FilePath {
        try FilePath("blobs/\(store.hubContent(of: file, calling: etag, with: LayerReader(store)).etag)")
    }

    /// Looks for the same bytes in other repositories of the cache.
    private func adopt(_ output: Output, in entry: HubCacheEntry) throws -> Bool {
        for name in try Disk.names(in: entry.cache) where name != entry.repository.cacheFolder {
            let path = "\(entry.cache)/\(name)/\(output.path.string)"
            guard let status = try Disk.status(path, followingLinks: false), status.kind == .file,
                status.size == output.size
            else { continue }
            let folder = try ExportFolder("\(entry.cache)/\(name)")
            guard try folder.isThere(output, mayReplace: true, progress: { progress.did(bytes: $0) }) else { continue }
            try Disk.makeFolders(entry.folder + "/blobs")
            let own = "\(entry.folder)/\(output.path.string)"
            if try Disk.makeName(own, of: path) || Disk.makeClone(own, of: path) { return true }
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
                .failed, "\(Printable.escape(path)) already exists with other content",
                fix: "remove it, or the snapshot it is in")
        }
    }

    /// `refs/<revision>`, unless it exists and points elsewhere; and the mark that tells backups to skip a cache.
    private func point(_ entry: HubCacheEntry, movesReference: Bool) throws(CakeError) {
        let tag = Disk.join(entry.cache, "CACHEDIR.TAG")
        if try !Disk.exists(tag) {
            try Disk.replace(tag, with: Array("Signature: 8a477f597d28d172789f06886806bc55\n".utf8))
        }
        guard let revision = entry.revision, let path = try? FilePath(revision) else { return }
        let reference = "\(entry.folder)/refs/\(path.string)"
        let isThere = try Disk.exists(reference)
        if !isThere || movesReference && entry.otherCommit != nil {
            try Disk.replace(reference, with: Array(entry.commit.utf8))
        }
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
