package import Model
internal import Platform
package import Store
package import Transfer

/// What lies where in a mount. It knows no kernel: every answer comes from the store as it is now.
///
///     org/name/config.json       the files of a model
///     org/name@v1/…              of another revision
///     .names/org%2Fname/…        of a model whose name cannot be a folder of its own
///     .fast/org/name.pt          a model as one archive for torch
///     .hf/models--org--name/…    a model as in a Hugging Face cache
package final class MountTree: Sendable {
    let names: ShownNames
    let versions = Versions()
    let reader: LayerReader
    /// By the digest of the manifest.
    let archives = BoundedCache<Digest, Archive>(room: 64 << 20) { $0.cost }
    let archiveSizes = BoundedCache<Digest, ArchiveSize>(room: 10_000)
    let blobs = BoundedCache<VersionNumber, Blobs>(room: 64 << 20) { $0.cost }

    /// Shows the names that a pattern fits, or all; `showsClosed`: models too that their Hub does not show to everyone.
    package init(
        _ store: LocalStore, only: [StarPattern] = [], showsClosed: Bool = true, lazily: [LazyModel] = []
    ) {
        reader = LayerReader(store)
        names = ShownNames(store, only: only, showsClosed: showsClosed, lazily: lazily)
    }

    var hasLazyModels: Bool { names.hasLazyModels }

    /// The folder of a model, from the mount's folder on.
    package func folder(of name: ModelName) throws(CakeError) -> String {
        try names.isPlain(name, among: names.list()) ? name.string : MountTree.escapedName + "/" + name.fileName
    }

    package var root: Node { Node(.names("")) }

    /// Nil where nothing has that name.
    package func node(_ name: String, in folder: Node) throws(CakeError) -> Node? {
        guard MountTree.isEntryName(name) else { return nil }
        switch folder.place {
        case .names(let path): return try names(path, name)
        case .escaped: return try escaped(name)
        case .folder(let version, let first, let length):
            let entry = try index(of: version).entry(name, in: .folder(first: Int(first), length: Int(length)))
            return entry.map { node($0, of: version) }
        case .archives(let path): return try archives(path, name)
        case .escapedArchives: return try escapedArchive(name)
        case .hub: return try hub(name)
        case .repository(let repository):
            return entries(ofRepository: repository).first { $0.name == name }?.node
        case .blobs(let repository): return try blob(name, of: repository)
        case .snapshots(let repository): return try snapshot(name, of: repository)
        case .references(let repository, let path): return try references(path, name, of: repository)
        case .snapshot(let version, let first, let length):
            let entry = try index(of: version).entry(name, in: .folder(first: Int(first), length: Int(length)))
            return entry.map { link($0, of: version) }
        case .file, .archive, .reference, .link: return nil
        }
    }

    /// All in a folder but the views that begin with a dot: a copy of the tree should have each model once. `.names` is
    /// there when a model is only there.
    package func entries(of folder: Node) throws(CakeError) -> [(name: String, node: Node)] {
        switch folder.place {
        case .names(let path): return try entries(ofNames: path)
        case .escaped: return try entriesOfEscaped()
        case .folder(let version, let first, let length):
            return try entries(of: .folder(first: Int(first), length: Int(length)), in: version)
        case .archives(let path): return try entries(ofArchives: path)
        case .escapedArchives: return try entriesOfEscapedArchives()
        case .hub: return try entriesOfHub()
        case .repository(let repository): return entries(ofRepository: repository)
        case .blobs(let repository): return try entries(ofBlobs: repository)
        case .snapshots(let repository): return try entries(ofSnapshots: repository)
        case .references(let repository, let path): return try entries(ofReferences: path, of: repository)
        case .snapshot(let version, let first, let length):
            return try index(of: version).entries(of: .folder(first: Int(first), length: Int(length)))
                .map { ($0.name, link($0.entry, of: version)) }
        case .file, .archive, .reference, .link: return []
        }
    }

    /// Fails with `notFound` for a folder that is gone.
    package func attributes(of node: Node) throws(CakeError) -> Attributes {
        switch node.place {
        case .names(let path): return Attributes(.folder, modified: try modified(path))
        case .escaped, .archives, .escapedArchives, .hub, .repository, .blobs, .snapshots, .references:
            return Attributes(.folder, modified: try names.changed())
        case .folder(let version, _, _), .snapshot(let version, _, _):
            return Attributes(.folder, modified: versions[version].time)
        case .file(let version, let file):
            return Attributes(
                .file, size: try index(of: version).size(of: Int(file)), modified: versions[version].time)
        case .archive(let version):
            guard let size = try archiveSize(of: version) else {
                throw CakeError(.notFound, "\(versions[version].name) cannot be an archive")
            }
            return Attributes(.file, size: size, modified: versions[version].time)
        case .reference(let repository, let name):
            let count = try commit(of: name, in: repository).count
            return Attributes(.file, size: UInt64(count), modified: try names.changed())
        case .link(let version, let file):
            let count = try target(of: version, file).utf8.count
            return Attributes(.link, size: UInt64(count), modified: versions[version].time)
        }
    }

    package func content(of file: Node) throws(CakeError) -> Content {
        switch file.place {
        case .file(let version, let file):
            if let lazy = lazyFile(version, file) { return Content(manifest: nil, parts: [.lazy(lazy)]) }
            let layers = try index(of: version).layers(of: Int(file))
            return Content(manifest: versions[version].manifest, parts: layers.map { .layer($0) })
        case .archive(let version):
            return Content(manifest: versions[version].manifest, parts: try archive(of: version).parts)
        case .reference(let repository, let name):
            return Content(manifest: nil, parts: [.bytes(try commit(of: name, in: repository))])
        default: throw CakeError(.failed, "it is not a file")
        }
    }

    /// Of a link to a blob.
    package func target(of link: Node) throws(CakeError) -> String {
        guard case .link(let version, let file) = link.place else { throw CakeError(.failed, "it is not a link") }
        return try target(of: version, file)
    }

    /// The kernel asks for one part at a time; all others are nowhere.
    private static func isEntryName(_ name: String) -> Bool {
        (1...255).contains(name.utf8.count) && name != "." && name != ".."
            && !name.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") }
    }
}

extension MountTree {
    /// A file that is downloaded when it is read; nil for one of the store.
    private func lazyFile(_ version: VersionNumber, _ file: UInt32) -> LazyFile? {
        names.lazyModel(versions[version].manifest)?.file(Int(file))
    }

    /// Whether a node is that file, under any name.
    package func isFile(_ node: Node, _ file: LazyFile) -> Bool {
        guard case .file(let version, let number) = node.place else { return false }
        return lazyFile(version, number) === file
    }

    func index(of version: VersionNumber) throws(CakeError) -> FileIndex {
        try names.index(of: versions[version].manifest)
    }

    func node(_ entry: FileIndex.Entry, of version: VersionNumber) -> Node {
        switch entry {
        case .file(let file): Node(.file(version, UInt32(truncatingIfNeeded: file)))
        case .folder(let first, let length):
            Node(
                .folder(
                    version, first: UInt32(truncatingIfNeeded: first), length: UInt16(truncatingIfNeeded: length)))
        }
    }

    func entries(
        of folder: FileIndex.Entry, in version: VersionNumber
    ) throws(CakeError) -> [(name: String, node: Node)] {
        try index(of: version).entries(of: folder).map { ($0.name, node($0.entry, of: version)) }
    }

    /// What a name means now; nil if it is not shown.
    func version(of name: ModelName) throws(CakeError) -> VersionNumber? {
        try names.record(of: name).map { versions.number(of: Version(name, $0)) }
    }
}
