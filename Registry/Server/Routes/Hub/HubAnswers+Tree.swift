import Model
import Network
import Platform
import Store

/// Listings of files.
extension HubAnswers {
    /// Entries of a page; of one that also says which commit changed each, fewer.
    private static let page = 1000
    private static let pageWithCommits = 50

    private enum Entry {
        case file(HubView.File)
        case folder(String)
    }

    func tree(
        _ repository: HubRepository, _ revision: String, _ folder: String, _ asked: Asked
    ) async throws -> ServerReply {
        let view = try await view(of: repository, revision, asked)
        let entries = HubAnswers.entries(view, folder, isRecursive: asked.target.isTrue("recursive"))
        guard !entries.isEmpty || folder.isEmpty else { throw view.noFile }
        let isExpanded = asked.target.isTrue("expand")
        let most = isExpanded ? HubAnswers.pageWithCommits : HubAnswers.page
        let wanted = asked.target["limit"].flatMap { ByteRange.number($0.utf8) } ?? UInt64(most)
        let count = Int(min(max(wanted, 1), UInt64(most)))
        let cursor = asked.target["cursor"].flatMap { ByteRange.number($0.utf8) } ?? 0
        let start = Int(min(cursor, UInt64(entries.count)))
        let end = min(start + count, entries.count)
        var list: [JSONValue] = []
        for entry in entries[start..<end] { list.append(try json(entry, view, isExpanded: isExpanded)) }
        guard end < entries.count else { return ServerReply(.array(list), 200) }
        // The rest is of the same commit, should the branch go on meanwhile.
        var parts = ["api", repository.kind.plural] + repository.id.split(separator: "/").map(String.init)
        parts += ["tree", view.commit] + folder.split(separator: "/").map(String.init)
        let query = asked.target.query.filter { $0.name != "cursor" } + [("cursor", "\(end)")]
        return ServerReply(.array(list), 200, [("Link", NextPage.link(to: asked.origin, parts: parts, query))])
    }

    func pathsInfo(
        _ repository: HubRepository, _ revision: String, _ form: [UInt8]?, _ asked: Asked
    ) async throws -> ServerReply {
        guard let form else { throw HubRefusal(413, nil, "Too many paths in one request") }
        let (paths, isExpanded) = try HubAnswers.paths(in: form, asked.request["content-type"] ?? "")
        let view = try await view(of: repository, revision, asked)
        var list: [JSONValue] = []
        for path in paths {
            if let file = view.file(at: path) {
                list.append(try json(.file(file), view, isExpanded: isExpanded))
            } else if view.files.contains(where: { $0.path.string.hasPrefix(path + "/") }) {
                list.append(try json(.folder(path), view, isExpanded: isExpanded))
            }
        }
        return ServerReply(.array(list), 200)
    }

    private static func paths(in form: [UInt8], _ type: String) throws -> ([String], isExpanded: Bool) {
        if type.hasPrefix("application/json") {
            guard let value = try? JSONValue(parsing: form.span) else {
                throw HubRefusal(400, nil, "The body is not JSON")
            }
            let paths = value["paths"]?.array?.compactMap(\.string) ?? value["paths"]?.string.map { [$0] } ?? []
            return (Array(paths.prefix(most)), value["expand"]?.bool ?? false)
        }
        guard let members = FormText.decode(form) else { throw HubRefusal(400, nil, "The body is not a form") }
        let paths = members.filter { $0.name == "paths" }.map(\.value)
        let isExpanded = members.contains { $0.name == "expand" && $0.value.lowercased() == "true" }
        return (Array(paths.prefix(most)), isExpanded)
    }

    /// Each is sought in all files.
    private static let most = 1000

    /// Folders before their contents.
    private static func entries(_ view: HubView, _ folder: String, isRecursive: Bool) -> [Entry] {
        let prefix = folder.isEmpty ? "" : folder + "/"
        var seen: Set<ExactText> = []
        var result: [Entry] = []
        for file in view.files where file.path.string.utf8.starts(with: prefix.utf8) {
            let parts = file.path.parts.dropFirst(folder.utf8.split(separator: UInt8(ascii: "/")).count)
            for depth in 1..<max(1, parts.count) where isRecursive || depth == 1 {
                let path = prefix + parts.prefix(depth).joined(separator: "/")
                if seen.insert(ExactText(path)).inserted { result.append(.folder(path)) }
            }
            if isRecursive || parts.count == 1 { result.append(.file(file)) }
        }
        return result
    }

    private func json(
        _ entry: Entry, _ view: HubView, isExpanded: Bool
    ) throws -> JSONValue {
        var object = JSONObject()
        switch entry {
        case .folder(let path):
            // Not git's hash of a folder, but it also changes with the folder's contents.
            var hash: [UInt8] = []
            for file in view.files where file.path.string.utf8.starts(with: (path + "/").utf8) {
                hash += "\(file.mark) \(file.path.string)\n".utf8
            }
            object.append("type", "directory")
            object.append("oid", .string(GitHash.digest(of: hash.span).hex))
            object.append("size", 0)
            object.append("path", .string(path))
        case .file(let file):
            let content = try content(of: file, in: view)
            object.append("type", "file")
            object.append("oid", .string(HubAnswers.blob(of: file, content).hex))
            object.append("size", JSONValue(file.size))
            if let large = HubAnswers.large(file, content, hash: "oid") { object.append("lfs", large) }
            object.append("path", .string(file.path.string))
        }
        if isExpanded {
            object.append(
                "lastCommit",
                [
                    "id": .string(view.commit), "title": .string(view.title), "date": .string(view.time),
                ])
        }
        return .object(object)
    }

    /// The blob that git stores under a file's path.
    static func blob(of file: HubView.File, _ content: HubContent) -> GitDigest {
        switch content {
        case .small(let digest): digest
        case .large(let digest): GitHash.digest(of: HubContent.pointer(to: digest, size: file.size).span)
        }
    }

    static func large(_ file: HubView.File, _ content: HubContent, hash name: String) -> JSONValue? {
        guard case .large(let digest) = content else { return nil }
        return [
            name: .string(digest.hex), "size": JSONValue(file.size),
            "pointerSize": JSONValue(HubContent.pointer(to: digest, size: file.size).count),
        ]
    }
}
