internal import Synchronization

/// Digests of files, computed when they are first asked for and whenever a file has changed since.
final class Digests: Sendable {
    struct Found: Sendable {
        let blob: String
        let sha256: String?
    }

    private let known = Mutex<[String: (stamp: FileStamp, found: Found)]>([:])
    private let largeFileBytes: UInt64
    private let largeFileEndings: [String]

    init(_ settings: HubSettings) {
        largeFileBytes = settings.largeFileBytes
        largeFileEndings = settings.largeFileEndings
    }

    func of(_ place: String, _ stamp: FileStamp, _ path: String) -> Found {
        // Held while hashing: the next request for the same file waits instead of hashing it again.
        known.withLock { known in
            if let kept = known[place], kept.stamp == stamp { return kept.found }
            let found = compute(place, stamp, path)
            known[place] = (stamp, found)
            return found
        }
    }

    private func compute(_ place: String, _ stamp: FileStamp, _ path: String) -> Found {
        guard let file = OpenFile(place) else { return Found(blob: "", sha256: nil) }
        guard stamp.size >= largeFileBytes || largeFileEndings.contains(where: { path.hasSuffix($0) }) else {
            return Found(blob: Hash.sha1.hex(file, prefix: Digests.blobPrefix(stamp.size)), sha256: nil)
        }
        let sha256 = Hash.sha256.hex(file)
        let pointer = Digests.pointer(sha256, stamp.size)
        return Found(blob: Hash.sha1.hex(Digests.blobPrefix(UInt64(pointer.count)) + pointer), sha256: sha256)
    }

    static func blobPrefix(_ size: UInt64) -> [UInt8] { Array("blob \(size)\0".utf8) }

    /// What git holds instead of a large file.
    static func pointer(_ sha256: String, _ size: UInt64) -> [UInt8] {
        Array("version https://git-lfs.github.com/spec/v1\noid sha256:\(sha256)\nsize \(size)\n".utf8)
    }
}

/// The folder of repositories: `ORG/NAME/…` for models, `datasets/ORG/NAME/…` and `spaces/ORG/NAME/…`. A folder
/// `NAME@REVISION` beside one holds another revision, with `/` in its name written `%2F`. `NAME/.hub.json` may say
/// `{"private": true, "gated": "auto", "disabled": true, "movedTo": "org/name", "refs": {"v1": "main"},
/// "commits": {"main": "40 hex digits, whatever the files are"}, "xet": true}`; with `"xet": "apart"` it shares no chunk with
/// other repositories.
struct Catalog: Sendable {
    let root: String
    let digests: Digests

    func repository(_ kind: Repository.Kind, _ name: String) -> Repository? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isName = parts.allSatisfy { part in
            !part.isEmpty && !part.hasPrefix(".")
                && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
        }
        let folder = root + (kind == .models ? "/" : "/\(kind.rawValue)/") + name
        guard isName, case .folder = Folder.kind(folder) else { return nil }
        // A folder of an organisation is no repository.
        if parts.count == 1,
            !Folder.names(folder).contains(where: {
                if case .file = Folder.kind(folder + "/" + $0) { true } else { false }
            })
        {
            return nil
        }
        return Repository(kind, name, folder: folder)
    }

    func all(_ kind: Repository.Kind) -> [Repository] {
        let base = root + (kind == .models ? "" : "/\(kind.rawValue)")
        return Folder.names(base).flatMap { first in
            if kind == .models, first == "datasets" || first == "spaces" { return [Repository]() }
            if let single = repository(kind, first) { return [single] }
            return Folder.names(base + "/" + first).compactMap { second in
                second.contains("@") ? nil : repository(kind, first + "/" + second)
            }
        }
    }
}
