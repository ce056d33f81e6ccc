internal import Model
internal import Platform
internal import Store
internal import Transfer

/// What is in a repository of `.hf`.
extension MountTree {
    func references(
        _ path: ExactText, _ name: String, of repository: HubRepository
    ) throws(CakeError) -> Node? {
        let inside = ExactText(path.string.isEmpty ? name : path.string + "/" + name)
        let all = try references(of: repository)
        if all.contains(where: { $0.name == inside }) { return Node(.reference(repository, inside)) }
        let isFolder = all.contains { $0.name.string.utf8.starts(with: (inside.string + "/").utf8) }
        return isFolder ? Node(.references(repository, inside)) : nil
    }

    func entries(
        ofReferences path: ExactText, of repository: HubRepository
    ) throws(CakeError) -> [(name: String, node: Node)] {
        let prefix = path.string.isEmpty ? "" : path.string + "/"
        var found: [(name: String, node: Node)] = []
        var seen: Set<ExactText> = []
        for (reference, _) in try references(of: repository).sorted(by: { $0.name < $1.name })
        where reference.string.utf8.starts(with: prefix.utf8) {
            let part = String(
                Substring(reference.string.utf8.dropFirst(prefix.utf8.count).prefix { $0 != UInt8(ascii: "/") }))
            guard seen.insert(ExactText(part)).inserted, let node = try references(path, part, of: repository) else {
                continue
            }
            found.append((part, node))
        }
        return found
    }

    func commit(of reference: ExactText, in repository: HubRepository) throws(CakeError) -> [UInt8] {
        guard let found = try references(of: repository).first(where: { $0.name == reference }) else {
            throw CakeError(.notFound, "\(repository) has no revision \(reference.printable) in the store")
        }
        return Array(found.commit.utf8)
    }

    func snapshot(_ commit: String, of repository: HubRepository) throws(CakeError) -> Node? {
        try revisions(of: repository).first { $0.place.commit == commit }.map { MountTree.snapshot($0.version) }
    }

    func entries(ofSnapshots repository: HubRepository) throws(CakeError) -> [(name: String, node: Node)] {
        var seen: Set<String> = []
        return try revisions(of: repository).filter { seen.insert($0.place.commit).inserted }
            .map { ($0.place.commit, MountTree.snapshot($0.version)) }
    }

    private static func snapshot(_ version: VersionNumber) -> Node {
        Node(.snapshot(version, first: 0, length: 0))
    }

    /// The same folders as in the model, with a link for each file.
    func link(_ entry: FileIndex.Entry, of version: VersionNumber) -> Node {
        switch node(entry, of: version).place {
        case .file(let version, let file): Node(.link(version, file))
        case .folder(let version, let first, let length): Node(.snapshot(version, first: first, length: length))
        case let other: Node(other)
        }
    }
}

/// Blobs and the links to them, by the names that a Hub gives to content.
extension MountTree {
    /// The files of a version by their content.
    struct Blobs: Sendable {
        let files: [HubContent: UInt32]

        /// In bytes, about.
        var cost: Int { 64 + 64 * files.count }
    }

    func blob(_ name: String, of repository: HubRepository) throws(CakeError) -> Node? {
        let content: HubContent
        if let digest = Digest(hex: name) {
            content = .large(digest)
        } else if let digest = GitDigest(hex: name) {
            content = .small(digest)
        } else {
            return nil
        }
        for revision in try revisions(of: repository) {
            guard let file = try blobs(of: revision.version).files[content] else { continue }
            return Node(.file(revision.version, file))
        }
        return nil
    }

    func entries(ofBlobs repository: HubRepository) throws(CakeError) -> [(name: String, node: Node)] {
        var seen: Set<HubContent> = []
        var found: [(name: String, node: Node)] = []
        for revision in try revisions(of: repository) {
            for (content, file) in try blobs(of: revision.version).files where seen.insert(content).inserted {
                found.append((content.etag, Node(.file(revision.version, file))))
            }
        }
        return found.sorted { $0.name < $1.name }
    }

    private func blobs(of version: VersionNumber) throws(CakeError) -> Blobs {
        try blobs.value(for: version) { () throws(CakeError) in
            var files: [HubContent: UInt32] = [:]
            if let lazy = names.lazyModel(versions[version].manifest) {
                for (number, file) in lazy.files.enumerated() {
                    if let content = file.content, files[content] == nil { files[content] = UInt32(number) }
                }
                return Blobs(files: files)
            }
            let (manifest, etags) = try (names.store.manifest(versions[version].manifest), etags(of: version))
            files.reserveCapacity(manifest.files.count)
            for (number, file) in manifest.files.enumerated() {
                let content = try names.store.hubContent(of: file, calling: etags[file.path], with: reader)
                if files[content] == nil { files[content] = UInt32(truncatingIfNeeded: number) }
            }
            return Blobs(files: files)
        }
    }

    /// Those of the Hub that it came from; none when the name means another model by now.
    private func etags(of version: VersionNumber) throws(CakeError) -> [FilePath: String] {
        let version = versions[version]
        guard let record = try names.record(of: version.name), record.manifest == version.manifest else { return [:] }
        return record.etags
    }

    func target(of version: VersionNumber, _ file: UInt32) throws(CakeError) -> String {
        let path = String(decoding: try index(of: version).path(of: Int(file)), as: UTF8.self)
        guard let etag = try etag(of: version, Int(file), at: path) else {
            throw CakeError(.notFound, "there is no file \(Printable.escape(path))")
        }
        let depth = 2 + path.utf8.count { $0 == UInt8(ascii: "/") }
        return String(repeating: "../", count: depth) + "blobs/\(etag)"
    }

    private func etag(of version: VersionNumber, _ number: Int, at path: String) throws(CakeError) -> String? {
        if let lazy = names.lazyModel(versions[version].manifest) { return lazy.files[number].content?.etag }
        guard let file = try names.store.manifest(versions[version].manifest).file(at: path) else { return nil }
        return try names.store.hubContent(of: file, calling: etags(of: version)[file.path], with: reader).etag
    }
}
