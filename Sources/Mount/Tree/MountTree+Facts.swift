internal import Model

/// What is known of a node without looking at the store.
extension MountTree {
    /// What it is and what it contains never changes.
    func isFixed(_ node: Node) -> Bool {
        switch node.place {
        case .folder, .file, .archive, .snapshot, .link: true
        case .names, .escaped, .archives, .escapedArchives, .hub, .repository, .blobs, .snapshots, .references,
            .reference:
            false
        }
    }

    func isFolder(_ node: Node) -> Bool {
        switch node.place {
        case .file, .archive, .reference, .link: false
        case .names, .escaped, .folder, .archives, .escapedArchives, .hub, .repository, .blobs, .snapshots,
            .references, .snapshot:
            true
        }
    }

    func isLink(_ node: Node) -> Bool { if case .link = node.place { true } else { false } }

    /// From the mount's folder on, for people.
    func path(of node: Node) -> String {
        switch node.place {
        case .names(let path): path.string
        case .escaped: MountTree.escapedName
        case .folder(let version, let first, let length), .snapshot(let version, let first, let length):
            path(of: version, Int(first), length: Int(length))
        case .file(let version, let file), .link(let version, let file): path(of: version, Int(file), length: nil)
        case .archives(let path): joined(MountTree.archivesName, path.string)
        case .escapedArchives: joined(MountTree.archivesName, MountTree.escapedName)
        case .archive(let version): joined(MountTree.archivesName, versions[version].name.string + ".pt")
        case .hub: MountTree.hubName
        case .repository(let repository): joined(MountTree.hubName, repository.cacheFolder)
        case .blobs(let repository): joined(MountTree.hubName, repository.cacheFolder + "/blobs")
        case .snapshots(let repository): joined(MountTree.hubName, repository.cacheFolder + "/snapshots")
        case .references(let repository, let path), .reference(let repository, let path):
            joined(MountTree.hubName, joined(repository.cacheFolder + "/refs", path.string))
        }
    }

    private func joined(_ folder: String, _ rest: String) -> String { rest.isEmpty ? folder : folder + "/" + rest }

    private func path(of version: VersionNumber, _ file: Int, length: Int?) -> String {
        let name = versions[version].name.string
        guard let path = try? index(of: version).path(of: file) else { return name }
        return joined(name, String(decoding: length.map { path.prefix(max(0, $0 - 1)) } ?? path, as: UTF8.self))
    }
}
