internal import Model

/// Listings of files.
extension Hub {
    /// An entry of a listing before it is written.
    private enum Entry {
        case file(HubFile)
        case folder(String)
        case made(Misbehaviour.TreeEntry)

        var path: String {
            switch self {
            case .file(let file): file.path
            case .folder(let path): path
            case .made(let entry): entry.path
            }
        }
    }

    func tree(_ repository: Repository, _ revision: String, _ folder: String, _ question: Question) -> Reply {
        guard let snapshot = repository.snapshot(revision, catalog.digests) else {
            return noSuchRevision(revision, question)
        }
        let asked = question.asked
        var entries = entries(snapshot, folder, isRecursive: asked.isAsked("recursive"))
        if !folder.isEmpty, entries.isEmpty {
            return refuse(
                404, "EntryNotFound", "\(folder) does not exist on \"\(revision)\"", question,
                [("X-Repo-Commit", snapshot.commit)])
        }
        let size = asked.isAsked("expand") ? min(50, settings.treePage) : settings.treePage
        let first = asked.asked("cursor").flatMap { UInt32($0) }.map { Int($0) } ?? 0
        var isEndless = false
        var huge: Int?
        for act in question.acts {
            switch act {
            case .treeEntries(let more): entries += more.map { .made($0) }
            case .hugeTree(let count): huge = count
            case .endlessTree: isEndless = true
            default: break
            }
        }
        let masks = gate(repository, question) != nil || question.masksHashes
        let all = huge ?? entries.count
        let wanted = isEndless ? 0..<min(size, all) : min(first, all)..<min(first + size, all)
        let page = wanted.map { huge == nil ? entries[$0] : Hub.madeEntry($0) }
        let list = page.map { json($0, snapshot, repository, masks, isExpanded: asked.isAsked("expand")) }
        let hasMore = isEndless || wanted.upperBound < all
        return Reply(json: .array(list), hasMore ? [link(asked, cursor: "\(first + max(1, page.count))")] : [])
    }

    func pathsInfo(_ repository: Repository, _ revision: String, _ question: Question) -> Reply {
        guard question.asked.method == "POST" else { return refuse(404, nil, "Not Found", question) }
        guard let snapshot = repository.snapshot(revision, catalog.digests) else {
            return noSuchRevision(revision, question)
        }
        let paths: [String]
        let isExpanded: Bool
        if question.asked["content-type"]?.hasPrefix("application/json") == true {
            let value = try? JSONValue(parsing: question.asked.body.span, limit: Asked.bodyLimit)
            paths = value?["paths"]?.array?.compactMap(\.string) ?? []
            isExpanded = value?["expand"]?.bool ?? false
        } else {
            let form = Form.pairs(String(decoding: question.asked.body, as: UTF8.self))
            paths = form.filter { $0.name == "paths" }.map(\.value)
            isExpanded = form.contains { $0.name == "expand" && $0.value.lowercased() == "true" }
        }
        let masks = gate(repository, question) != nil || question.masksHashes
        let all = entries(snapshot, "", isRecursive: true)
        let list = paths.compactMap { path in
            all.first { $0.path == path }.map { json($0, snapshot, repository, masks, isExpanded: isExpanded) }
        }
        return Reply(json: .array(list))
    }

    /// One of the files of a tree that is too large to be real.
    private static func madeEntry(_ number: Int) -> Entry {
        let path = "part-\(number / 1000)/file-\(number).safetensors"
        return .made(.init(path: path, size: 1000, sha256: Hash.sha256.hex(Array(path.utf8))))
    }

    /// Folders before the files they hold.
    private func entries(_ snapshot: Snapshot, _ folder: String, isRecursive: Bool) -> [Entry] {
        let prefix = folder.isEmpty ? "" : folder + "/"
        var seen: Set<String> = []
        var result: [Entry] = []
        for file in snapshot.files where file.path.hasPrefix(prefix) {
            let parts = file.path.dropFirst(prefix.count).split(separator: "/")
            for depth in 0..<max(0, parts.count - 1) where isRecursive || depth == 0 {
                let path = prefix + parts[...depth].joined(separator: "/")
                if seen.insert(path).inserted { result.append(.folder(path)) }
            }
            if isRecursive || parts.count == 1 { result.append(.file(file)) }
        }
        return result
    }

    private func json(
        _ entry: Entry, _ snapshot: Snapshot, _ repository: Repository, _ masks: Bool, isExpanded: Bool
    ) -> JSONValue {
        var object = JSONObject()
        switch entry {
        case .folder(let path):
            let inside = snapshot.files.filter { $0.path.hasPrefix(path + "/") }.map { "\($0.blob) \($0.path)\n" }
                .joined()
            object.append("type", "directory")
            object.append("oid", .string(Hash.sha1.hex(Array(inside.utf8))))
            object.append("size", 0)
            object.append("path", .string(path))
        case .file(let file):
            object.append("type", "file")
            object.append("oid", .string(file.blob))
            object.append("size", JSONValue(file.size))
            if let lfs = lfs(file, masks, hash: "oid") { object.append("lfs", lfs) }
            if let hash = xetHash(file, repository) {
                object.append("xetHash", .string(masks ? String(repeating: "*", count: 64) : hash.text))
            }
            object.append("path", .string(file.path))
        case .made(let made):
            object.append("type", "file")
            object.append("oid", .string(Hash.sha1.hex(Array(made.path.utf8))))
            object.append("size", JSONValue(made.size))
            if let sha256 = made.sha256 {
                let shown = masks ? String(repeating: "*", count: 64) : sha256
                object.append("lfs", ["oid": .string(shown), "size": JSONValue(made.size), "pointerSize": 134])
            }
            object.append("path", .string(made.path))
        }
        if isExpanded {
            object.append(
                "lastCommit", ["id": .string(snapshot.commit), "title": "Upload the model", "date": .string(Hub.date)])
            if case .file = entry {
                object.append(
                    "securityFileStatus", ["status": "safe", "avScan": ["status": "safe"], "pickleImportScan": nil])
            }
        }
        return .object(object)
    }
}
