internal import Model
internal import Platform
internal import Store

/// The archives of a model: which of them an earlier pull read whose files are still here, and which have to come. A layer that
/// is a file itself counts as an archive with this one file.
struct KnownContents: Sendable {
    private let archives: [ForeignLayer]
    /// By archive; nil for one that has to come.
    private let known: [[Found]?]
    /// Each once.
    let missing: [ForeignLayer]

    private struct Found: Sendable {
        let entry: ArchiveContents.Entry
        let file: Manifest.File?
    }

    /// What archives have, and what is worth remembering of it.
    struct Files: Sendable {
        let files: [Manifest.File]
        let contents: [ArchiveContents]
    }

    /// Of all archives.
    var size: UInt64 { archives.reduce(0) { $0 + $1.size } }

    /// Files that are here are held for the operation.
    init(of archives: [ForeignLayer], in store: LocalStore, _ operation: Operation) throws {
        self.archives = archives
        guard !archives.isEmpty else {
            (known, missing) = ([], [])
            return
        }
        let remembered = archives.contains(where: \.isArchive) ? store.knownArchives() : [:]
        let contents = archives.map { archive in
            let key = ArchiveContents.Key(archive)
            guard case .file(let path) = archive.content else { return remembered[key] }
            return ArchiveContents(key, [.init(.file(path), digest: archive.digest, size: archive.size)])
        }
        // A file that a later layer replaces or removes is not needed, and no manifest may have it.
        var overlay = Overlay<ArchiveContents.Entry>()
        for content in contents { overlay.add(content?.entries.map { ($0.place, $0) } ?? []) }
        let proof = try KnownFileProof(store)
        var found: [[Found]?] = []
        for (archive, content) in zip(archives, contents) {
            found.append(
                try content.flatMap { content in
                    try KnownContents.find(
                        content, needed: archive.content == .imageLayer ? overlay : nil, proof, operation)
                })
        }
        known = found
        var seen: Set<ArchiveContents.Key> = []
        missing = zip(archives, found).filter { $0.1 == nil && seen.insert(ArchiveContents.Key($0.0)).inserted }.map(
            \.0)
    }

    /// Nil when a needed file is not here.
    private static func find(
        _ content: ArchiveContents, needed overlay: Overlay<ArchiveContents.Entry>?, _ proof: KnownFileProof,
        _ operation: Operation
    ) throws -> [Found]? {
        var found: [Found] = []
        for entry in content.entries {
            guard case .file(let path) = entry.place, overlay.map({ $0.files[path] == entry }) ?? true else {
                found.append(Found(entry: entry, file: nil))
                continue
            }
            let listed = SnapshotFile(path: path, size: entry.size, sha256: entry.digest)
            guard let file = try proof.find(listed) else { return nil }
            let layers = Set(file.segments.map(\.layer))
            guard try operation.hold(layers).count == layers.count else { return nil }
            found.append(Found(entry: entry, file: file))
        }
        return found
    }

    /// With those that came, in the order of `missing`.
    func files(with brought: [[ArchiveStream.Entry]]) throws(CakeError) -> Files {
        var came: [ArchiveContents.Key: [Found]] = [:]
        for (archive, entries) in zip(missing, brought) {
            var found: [Found] = []
            for (place, file) in entries {
                let described = try file?.described()
                found.append(
                    Found(
                        entry: .init(place, digest: described?.digest, size: described?.size ?? 0), file: described))
            }
            came[ArchiveContents.Key(archive)] = found
        }
        var overlay = Overlay<Manifest.File>()
        var files: [Manifest.File] = []
        var contents: [ArchiveContents] = []
        for (archive, known) in zip(archives, known) {
            let key = ArchiveContents.Key(archive)
            guard let found = known ?? came[key] else {
                throw CakeError(.failed, "layer \(archive.digest.short) was not read to its end")
            }
            if archive.isArchive { contents.append(ArchiveContents(key, found.map(\.entry))) }
            if archive.content == .imageLayer {
                overlay.add(found.map { ($0.entry.place, $0.file) })
            } else {
                files += found.compactMap(\.file)
            }
        }
        return Files(files: files + overlay.files.values, contents: contents)
    }
}
