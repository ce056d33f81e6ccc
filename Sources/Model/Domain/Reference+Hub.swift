extension ReferenceReader {
    /// `datasets/org/name` or `models/org/name`, without the word; nil if no such word is first.
    static func kind(of path: String, in text: String) throws(CakeError) -> (HubRepository.Kind, String)? {
        guard let (first, rest) = split(path, at: "/") else { return nil }
        switch first {
        case "datasets": return (.dataset, rest)
        case "models" where rest.utf8.contains(UInt8(ascii: "/")): return (.model, rest)
        case "spaces", "kernels":
            throw CakeError(
                .usage, "\"\(Printable.escape(text))\" is one of the Hub's \(first), which contain no models",
                fix: "use the name of a model, such as org/name")
        default: return nil
        }
    }

    /// The text after `hf://`: `[datasets/]org/name[@revision][/path/in/it]`.
    func hubPath(_ path: String, of text: String) throws(CakeError) -> HubReference {
        let (kind, rest) = try ReferenceReader.kind(of: path, in: text) ?? (.model, path)
        var parts = ReferenceReader.parts(rest)
        guard !parts.isEmpty else { throw refuse(text, "it names no repository") }
        var id = parts.removeFirst()
        var revision = ReferenceReader.split(id, at: "@")
        if revision == nil, !parts.isEmpty {
            let second = parts.removeFirst()
            revision = ReferenceReader.split(second, at: "@")
            if let found = revision { revision = (id + "/" + found.0, found.1) } else { id += "/" + second }
        }
        guard let revision else { return try reference(id, kind, revision: nil, file: parts, of: text) }
        let (asked, file) = try ReferenceReader.revision([revision.1] + parts, in: text)
        return try reference(revision.0, kind, revision: asked, file: file, of: text)
    }

    /// A page of the Hub from a browser's address line, such as `/org/name/tree/REVISION/folder`.
    func page(_ url: WebURL, of text: String) throws(CakeError) -> HubReference {
        var path = url.path
        if let hub, hub.origin == url.origin, path.utf8.starts(with: (hub.prefix + "/").utf8) {
            path = String(path.dropFirst(hub.prefix.count))
        } else if !["huggingface.co", "www.huggingface.co", "hf.co"].contains(url.origin.host.text) {
            throw refuse(
                text, "\(url.origin.authority) is not a Hub that cake knows",
                fix: "for a mirror of the Hub set HF_ENDPOINT=\(url.origin); for a registry write "
                    + "oci://\(url.origin.authority)\(url.path)")
        }
        path = String(path.drop { $0 == "/" })
        let (kind, rest) = try ReferenceReader.kind(of: path, in: text) ?? (.model, path)
        // Split before percent-decoding: a revision holds its slashes as %2F.
        let parts = ReferenceReader.parts(rest)
        guard let first = parts.first, !ReferenceReader.otherPages.contains(first) else {
            throw refuse(text, "it is not the page of a model", fix: "open the model's own page and paste its address")
        }
        let length = parts.count == 1 || ReferenceReader.views.contains(parts[1]) ? 1 : 2
        var id = parts[..<length].joined(separator: "/")
        if id.hasSuffix(".git") { id.removeLast(4) }
        guard parts.count > length else { return try reference(id, kind, revision: nil, file: [], of: text) }
        guard ReferenceReader.views.contains(parts[length]), parts.count > length + 1 else {
            throw refuse(text, "it is a page about the model, not one of its files", fix: "cake pull \(id)")
        }
        let (revision, file) = try ReferenceReader.revision(Array(parts[(length + 1)...]), in: text)
        return try reference(id, kind, revision: revision, file: file, of: text)
    }

    private static let views: Set<String> = ["tree", "blob", "resolve", "raw", "commit", "commits", "blame", "edit"]
    private static let otherPages: Set<String> = [
        "api", "models", "docs", "blog", "papers", "collections", "settings", "join", "login", "organizations", "tasks",
        "chat", "pricing", "learn", "posts", "new",
    ]

    /// The revision at the start of the parts, and the rest. Revisions that begin with `refs` have three parts, also if
    /// they were written as one.
    private static func revision(_ parts: [String], in text: String) throws(CakeError) -> (String, [String]) {
        var rest = parts[...]
        var words = [rest.popFirst() ?? ""]
        if words[0] == "refs", let second = rest.first, ["pr", "convert", "heads", "tags"].contains(second) {
            words += rest.prefix(2)
            rest = rest.dropFirst(2)
        }
        guard let revision = PercentText.decode(words.joined(separator: "/")) else {
            throw CakeError(.usage, "\"\(Printable.escape(text))\" has a broken percent sign in its revision")
        }
        return (revision, Array(rest))
    }

    private func reference(
        _ id: String, _ kind: HubRepository.Kind, revision: String?, file parts: [String], of text: String
    ) throws(CakeError) -> HubReference {
        if let why = HubRepository.complaint(id) { throw refuse(text, why) }
        let repository = try HubRepository(id, kind: kind)
        var file: FilePath?
        if !parts.isEmpty {
            guard let path = PercentText.decode(parts.joined(separator: "/")) else {
                throw refuse(text, "a percent sign in its file is broken")
            }
            file = try FilePath(path)
        }
        return try HubReference(repository, file: file).at(revision)
    }

    /// A slash at the end says nothing.
    private static func parts(_ path: String) -> [String] {
        var parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
            String(Substring($0))
        }
        if parts.last == "" { parts.removeLast() }
        return parts
    }
}
