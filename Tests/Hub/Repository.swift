internal import Model

/// A file of a revision as the hub tells of it.
struct HubFile: Sendable {
    /// In the repository.
    let path: String
    /// On this disk.
    let place: String
    let size: UInt64
    /// As git names its bytes, or those of its pointer.
    let blob: String
    /// Of large files only.
    let sha256: String?

    var etag: String { sha256 ?? blob }
}

struct Snapshot: Sendable {
    let commit: String
    /// By path.
    let files: [HubFile]

    func file(_ path: String) -> HubFile? { files.first { Array($0.path.utf8) == Array(path.utf8) } }
}

/// A repository on the disk, as it is at this moment.
struct Repository {
    enum Kind: String { case models, datasets, spaces }

    let kind: Kind
    let name: String
    let folder: String
    let isPrivate: Bool
    /// `auto` or `manual`.
    let gate: String?
    let isDisabled: Bool
    let movedTo: String?
    /// Whether Xet keeps its large files, as `.hub.json` says: true, false, or "apart".
    let xet: JSONValue?
    /// Name of a revision → folder that holds it.
    private let pointers: [String: String]
    /// Folder → the commit that it claims, for any content.
    private let commits: [String: String]
    /// Revisions that have a folder: `main`, and `name@REVISION` beside it.
    private let folders: [String]

    init(_ kind: Kind, _ name: String, folder: String) {
        self.kind = kind
        self.name = name
        self.folder = folder
        let file = OpenFile(folder + "/.hub.json")
        let settings = file.flatMap { try? JSONValue(parsing: $0.bytes(0..<$0.size).span) }
        isPrivate = settings?["private"]?.bool ?? false
        gate = settings?["gated"]?.string
        isDisabled = settings?["disabled"]?.bool ?? false
        movedTo = settings?["movedTo"]?.string
        xet = settings?["xet"]
        let strings = { (key: String) in
            Dictionary(
                (settings?[key]?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") },
                uniquingKeysWith: { $1 })
        }
        pointers = strings("refs")
        commits = strings("commits")
        let parts = folder.split(separator: "/", omittingEmptySubsequences: false)
        let parent = parts.dropLast().joined(separator: "/")
        let prefix = (parts.last ?? "") + "@"
        folders =
            ["main"]
            + Folder.names(parent).filter { $0.hasPrefix(prefix) }.map {
                Form.decode(String($0.dropFirst(prefix.count)))
            }
    }

    /// Every name a revision goes by, `main` first.
    var revisions: [String] {
        (folders + pointers.keys.sorted()).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    func isBranch(_ revision: String) -> Bool { revision == "main" || revision.hasPrefix("branch-") }

    func snapshot(_ revision: String, _ digests: Digests) -> Snapshot? {
        let wanted = revision.hasPrefix("refs/heads/") ? String(revision.dropFirst(11)) : revision
        if let folder = folderOf(wanted) { return snapshot(inFolderOf: folder, digests) }
        guard revision.utf8.count >= 7, revision.utf8.count <= 40, revision.allSatisfy(\.isHexDigit) else { return nil }
        return folders.lazy.map { snapshot(inFolderOf: $0, digests) }.first { $0.commit.hasPrefix(revision) }
    }

    private func folderOf(_ revision: String) -> String? {
        if let folder = pointers[revision] { return folder }
        return folders.contains(revision) ? revision : nil
    }

    private func snapshot(inFolderOf revision: String, _ digests: Digests) -> Snapshot {
        let root = revision == "main" ? folder : folder + "@" + Form.encode(revision)
        let files = Folder.files(root).map { path, stamp in
            let place = root + "/" + path
            let found = digests.of(place, stamp, path)
            return HubFile(path: path, place: place, size: stamp.size, blob: found.blob, sha256: found.sha256)
        }
        let text = "\(kind.rawValue) \(name)\n" + files.map { "\($0.etag) \($0.path)\n" }.joined()
        return Snapshot(commit: commits[revision] ?? Hash.sha1.hex(Array(text.utf8)), files: files)
    }
}
