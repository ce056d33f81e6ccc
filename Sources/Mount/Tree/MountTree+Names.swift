internal import Model

/// The tree of names, and `.names`.
extension MountTree {
    static let escapedName = ".names"

    /// The model first: a name that one of its files would hide is in `.names`.
    func names(_ path: ExactText, _ name: String) throws(CakeError) -> Node? {
        let isTop = path.string.isEmpty
        if isTop {
            switch name {
            case MountTree.escapedName: return Node(.escaped)
            case MountTree.archivesName: return Node(.archives(""))
            case MountTree.hubName: return Node(.hub)
            default: break
            }
        }
        if !isTop, let version = try version(at: path),
            let entry = try index(of: version).entry(name, in: FileIndex.top)
        {
            return node(entry, of: version)
        }
        let inside = isTop ? name : path.string + "/" + name
        return try isFolder(inside) ? Node(.names(ExactText(inside))) : nil
    }

    /// Whether a model lies there, or one below.
    private func isFolder(_ path: String) throws(CakeError) -> Bool {
        let list = try names.list()
        if let name = try? ModelName(path), try names.record(of: name) != nil, names.isPlain(name, among: list) {
            return true
        }
        return list.beginning(with: path + "/").contains { names.isShown($0) && names.isPlain($0, among: list) }
    }

    func entries(ofNames path: ExactText) throws(CakeError) -> [(name: String, node: Node)] {
        let isTop = path.string.isEmpty
        var found: [(name: String, node: Node)] = []
        if !isTop, let version = try version(at: path) { found = try entries(of: FileIndex.top, in: version) }
        let prefix = isTop ? "" : path.string + "/"
        let list = try names.list()
        // Not always side by side: `org-2/m` comes between `org` and `org/m`.
        var seen: Set<ExactText> = []
        var hasEscaped = false
        for name in list.beginning(with: prefix) where names.isShown(name) {
            let rest = name.string.utf8.dropFirst(prefix.utf8.count)
            let part = ExactText(String(Substring(rest.prefix { $0 != UInt8(ascii: "/") })))
            if seen.contains(part), hasEscaped || !isTop { continue }
            guard names.isPlain(name, among: list) else {
                hasEscaped = true
                continue
            }
            if seen.insert(part).inserted { found.append((part.string, Node(.names(ExactText(prefix + part.string))))) }
        }
        if isTop, hasEscaped { found.append((MountTree.escapedName, Node(.escaped))) }
        return found
    }

    private func version(at path: ExactText) throws(CakeError) -> VersionNumber? {
        guard let name = try? ModelName(path.string) else { return nil }
        return try version(of: name)
    }

    func modified(_ path: ExactText) throws(CakeError) -> Int {
        if path.string.isEmpty { return try names.changed() }
        if let version = try version(at: path) { return versions[version].time }
        guard try isFolder(path.string) else {
            throw CakeError(.notFound, "no model \(path.printable) in the store")
        }
        return try names.changed()
    }
}

extension MountTree {
    func escaped(_ fileName: String) throws(CakeError) -> Node? {
        guard let name = ModelName(fileName: fileName), try names.record(of: name) != nil,
            !names.isPlain(name, among: try names.list())
        else { return nil }
        return Node(.names(name.text))
    }

    func entriesOfEscaped() throws(CakeError) -> [(name: String, node: Node)] {
        let list = try names.list()
        return list.beginning(with: "").filter { names.isShown($0) && !names.isPlain($0, among: list) }
            .map { ($0.fileName, Node(.names($0.text))) }
    }
}
