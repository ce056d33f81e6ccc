internal import Model
internal import Platform

/// `.fast`: every model that has tensors as one file, `.fast/org/name.pt`.
extension MountTree {
    static let archivesName = ".fast"
    private static let ending = ".pt"

    func archives(_ path: ExactText, _ name: String) throws(CakeError) -> Node? {
        if path.string.isEmpty, name == MountTree.escapedName { return Node(.escapedArchives) }
        let inside = path.string.isEmpty ? name : path.string + "/" + name
        let list = try names.list()
        if let model = MountTree.model(of: inside), isPlainArchive(model, among: list),
            let found = try archive(of: model)
        {
            return found
        }
        let isFolder = list.beginning(with: inside + "/").contains {
            names.isShown($0) && isPlainArchive($0, among: list)
        }
        return isFolder ? Node(.archives(ExactText(inside))) : nil
    }

    func entries(ofArchives path: ExactText) throws(CakeError) -> [(name: String, node: Node)] {
        let isTop = path.string.isEmpty
        let prefix = isTop ? "" : path.string + "/"
        let list = try names.list()
        var found: [(name: String, node: Node)] = []
        var seen: Set<ExactText> = []
        var hasEscaped = false
        for name in list.beginning(with: prefix) where names.isShown(name) {
            guard isPlainArchive(name, among: list) else {
                hasEscaped = true
                continue
            }
            let rest = name.string.utf8.dropFirst(prefix.utf8.count)
            guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else {
                if let archive = try archive(of: name) {
                    found.append((String(Substring(rest)) + MountTree.ending, archive))
                }
                continue
            }
            let part = String(Substring(rest[..<slash]))
            guard seen.insert(ExactText(part)).inserted else { continue }
            found.append((part, Node(.archives(ExactText(prefix + part)))))
        }
        if isTop, hasEscaped { found.append((MountTree.escapedName, Node(.escapedArchives))) }
        return found
    }

    func escapedArchive(_ fileName: String) throws(CakeError) -> Node? {
        guard let text = MountTree.text(of: fileName), let name = ModelName(fileName: text),
            !isPlainArchive(name, among: try names.list())
        else { return nil }
        return try archive(of: name)
    }

    func entriesOfEscapedArchives() throws(CakeError) -> [(name: String, node: Node)] {
        let list = try names.list()
        var found: [(name: String, node: Node)] = []
        for name in list.beginning(with: "") where names.isShown(name) && !isPlainArchive(name, among: list) {
            if let archive = try archive(of: name) { found.append((name.fileName + MountTree.ending, archive)) }
        }
        return found
    }

    /// In no folder of `.fast` that is the archive of another model.
    private func isPlainArchive(_ name: ModelName, among list: NameList) -> Bool {
        guard ShownNames.hasPlainParts(name) else { return false }
        for place in name.string.utf8.indices where name.string.utf8[place] == UInt8(ascii: "/") {
            let folder = String(Substring(name.string.utf8[..<place]))
            if let other = MountTree.model(of: folder), list.has(other), names.isShown(other) { return false }
        }
        return true
    }

    /// Nil for a name that is not shown, and for a model that cannot be an archive.
    private func archive(of name: ModelName) throws(CakeError) -> Node? {
        guard let version = try version(of: name), try archiveSize(of: version) != nil else { return nil }
        return Node(.archive(version))
    }

    private static func text(of fileName: String) -> String? {
        fileName.hasSuffix(ending) ? String(fileName.dropLast(ending.count)) : nil
    }

    private static func model(of path: String) -> ModelName? {
        text(of: path).flatMap { try? ModelName($0) }
    }
}

extension MountTree {
    /// Nil for a model that cannot be one archive: it has no safetensors files, or several folders of them.
    func archiveSize(of version: VersionNumber) throws(CakeError) -> UInt64? {
        let manifest = versions[version].manifest
        if let known = archiveSizes[manifest] { return known.size }
        do {
            let size = try archive(of: version).size
            archiveSizes[manifest] = ArchiveSize(size: size)
            return size
        } catch {
            // Another kind may be better the next time.
            guard [.notFound, .failed, .usage].contains(error.kind) else { throw error }
            archiveSizes[manifest] = ArchiveSize(size: nil)
            return nil
        }
    }

    func archive(of version: VersionNumber) throws(CakeError) -> Archive {
        let manifest = versions[version].manifest
        return try archives.value(for: manifest) { () throws(CakeError) in
            try Archive(manifest, of: names.store, with: reader)
        }
    }

    struct ArchiveSize: Sendable {
        let size: UInt64?
    }
}
