internal import Model
internal import Platform

/// A model or dataset in the cache of huggingface_hub: `models--org--name` with `snapshots/<commit>` of links into `blobs`.
struct CachedRepository {
    let folder: String
    /// `org/name`, `datasets/org/name`.
    let repository: String
    /// Only this commit is wanted.
    var only: String?

    init?(_ folder: String) {
        guard let found = HubRepository(cacheFolder: Disk.lastPart(of: folder)) else { return nil }
        self.folder = folder
        repository = found.name
    }

    /// The repository that `folder` is, or is a snapshot of.
    static func around(_ folder: String) throws(CakeError) -> CachedRepository? {
        if let own = CachedRepository(folder), try Disk.exists(folder + "/snapshots") { return own }
        let snapshots = Disk.parent(of: folder)
        guard Disk.lastPart(of: snapshots) == "snapshots", var above = CachedRepository(Disk.parent(of: snapshots))
        else { return nil }
        above.only = Disk.lastPart(of: folder)
        return above
    }

    /// Every repository of the cache `folder`; empty if it is not a cache. `$HF_HOME` itself is accepted too.
    static func all(in folder: String) throws(CakeError) -> [CachedRepository] {
        var found: [CachedRepository] = []
        for name in try Disk.names(in: folder) {
            guard let repository = CachedRepository(Disk.join(folder, name)),
                try Disk.exists(repository.folder + "/snapshots")
            else { continue }
            found.append(repository)
        }
        if found.isEmpty, try Disk.exists(folder + "/hub") { return try all(in: folder + "/hub") }
        return found
    }

    /// A model for each snapshot. The one `main` points to, or the only one, gets the plain name; others name@commit.
    func candidates(_ followingAllLinks: Bool) throws(CakeError) -> [ImportPath.Candidate] {
        let references = try references()
        var commits = try Disk.names(in: folder + "/snapshots")
        if let only { commits = [only] }
        let preferred = commits.count == 1 ? commits.first : references["main"]
        // Blobs are in the repository, or in the folder that newer caches share between repositories. The cache or the
        // repository may have been moved to another disk and replaced by a link.
        let (own, cache) = (try Disk.canonical(folder), try Disk.canonical(Disk.parent(of: folder)))
        let borders = [own, Disk.join(cache, "blobs"), Disk.join(Disk.parent(of: own), "blobs")]
        var found: [ImportPath.Candidate] = []
        for commit in commits {
            let snapshot = folder + "/snapshots/" + commit
            if try Disk.names(in: snapshot).isEmpty { continue }
            let source = try FolderSource(folder: snapshot, borders: borders, followingAllLinks: followingAllLinks)
            let revision = references.filter { $0.value == commit }.keys.sorted().first
            let name = commit == preferred ? repository : "\(repository)@\(revision ?? commit)"
            found.append(
                ImportPath.Candidate(
                    name: try ModelName(name), source: source, origin: "hf://" + repository, revision: revision,
                    commit: commit))
        }
        return found
    }

    /// `refs/main` and other refs: the commit of each when it was downloaded.
    private func references() throws(CakeError) -> [String: String] {
        guard try Disk.exists(folder + "/refs") else { return [:] }
        var found: [String: String] = [:]
        func visit(_ path: String, _ prefix: String) throws(CakeError) {
            for name in try Disk.names(in: path) {
                guard let status = try Disk.status(path + "/" + name, followingLinks: false) else { continue }
                switch status.kind {
                case .folder where prefix.utf8.count < 512: try visit(path + "/" + name, prefix + name + "/")
                case .file where status.size <= 256:
                    let text = String(decoding: try Disk.read(path + "/" + name, limit: 256), as: UTF8.self)
                    found[prefix + name] = String(text.filter { !$0.isWhitespace })
                default: break
                }
            }
        }
        try visit(folder + "/refs", "")
        return found
    }
}
