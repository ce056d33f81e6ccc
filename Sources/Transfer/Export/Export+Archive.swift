public import Model
package import Platform
internal import Store

extension Export {
    /// Writes a model as one archive at `path`: aside, checked layer by layer, synced and renamed.
    public func archive(
        _ name: ModelName, _ digest: Digest, _ choice: WeightChoice, hasJoinedStorages: Bool, to path: String
    ) async throws -> Report {
        let operation = try hold(digest)
        defer { withExtendedLifetime(operation) {} }
        let facts = try choice.facts(hasJoinedStorages: hasJoinedStorages, isStreamed: false)
        let archive = try FastArchive(facts)
        let layout = archive.layout
        progress.expect(bytes: layout.size, items: 1)
        let target = try ExportTarget(file: path)
        if try await isThere(archive, at: path) {
            progress.finished()
            return Report(files: 0, bytes: 0, filesThere: 1)
        }
        try target.refuseOther(mayReplace: isForced)
        let writer = LayerFileWriter(
            store: store, reader: LayerReader(store), progress: progress, model: name, name: choice.names())
        let items = Export.items(of: layout)
        try writer.refuseMissing(items.lazy.map(\.item.layer))
        try target.folder.refuseIfTooSmall(for: layout.size)
        try? target.folder.clear()
        try target.folder.begin()
        do {
            let file = try File(target.folder.part(0), .create)
            try file.reserve(layout.size)
            let sums = try await writer(items.map(\.item), into: [file.path], isSummed: true)
            try Export.frame(layout, members: items.map(\.member), sums: sums, in: file)
            try target.folder.publish([target.name])
        } catch {
            target.folder.discard()
            throw error
        }
        progress.finished()
        return Report(files: 1, bytes: layout.size, filesThere: 0)
    }

    /// The layers of an archive and where they go.
    private static func items(of layout: ZipLayout) -> [(item: LayerFileWriter.Item, member: Int)] {
        var items: [(item: LayerFileWriter.Item, member: Int)] = []
        for (index, member) in layout.members.enumerated() {
            guard case .runs(let runs) = member.content else { continue }
            for run in runs where run.layer.size > 0 {
                let offset = layout.places[index].data + run.offset
                items.append((LayerFileWriter.Item(layer: run.layer, file: 0, offset: offset), index))
            }
        }
        return items
    }

    /// Writes everything but the layers, whose checksums are known by now.
    private static func frame(
        _ layout: ZipLayout, members: [Int], sums: [CRC32], in file: File
    ) throws(CakeError) {
        var whole: [UInt32] = []
        var next = 0
        for (index, member) in layout.members.enumerated() {
            var sum = CRC32()
            if case .bytes(let bytes) = member.content {
                sum.update(bytes.span)
                try file.write(bytes.span, at: layout.places[index].data)
            } else if case .runs(let runs) = member.content {
                var found: [(ZipLayout.Run, CRC32)] = []
                for run in runs where run.layer.size > 0 {
                    found.append((run, sums[next]))
                    next += 1
                }
                sum = CRC32.of(found)
            }
            let header = layout.header(of: index, sum: sum.value)
            try file.write(header.span, at: layout.places[index].header)
            whole.append(sum.value)
        }
        let directory = layout.directory(sums: whole)
        try file.write(directory.span, at: layout.directoryStart)
    }

    /// Whether this archive exists there already, complete.
    private func isThere(_ archive: FastArchive, at path: String) async throws -> Bool {
        guard let found = try? ArchiveFile(path), found.archive.facts == archive.facts else { return false }
        return try await found.damages(on: store.pool) { progress.did(bytes: $0) }.isEmpty
    }
}

/// A file that an export makes: its folder, its temporary place, and its final name.
struct ExportTarget {
    let folder: ExportFolder
    let name: FilePath
    private let path: String

    init(file path: String) throws(CakeError) {
        let path = Disk.absolute(path)
        if let status = try Disk.status(path), status.kind != .file {
            throw CakeError(
                .failed, "\(Printable.escape(path)) is not a file", fix: "name a file, as in -o model.pt")
        }
        guard path.utf8.last != UInt8(ascii: "/"), let name = try? FilePath(Disk.lastPart(of: path)) else {
            throw CakeError(
                .usage, "\(Printable.escape(path)) is not a file name", fix: "name a file, as in -o model.pt")
        }
        self.path = path
        self.name = name
        folder = try ExportFolder(Disk.parent(of: path))
    }

    func refuseOther(mayReplace: Bool) throws(CakeError) {
        guard !mayReplace, try Disk.exists(path) else { return }
        throw CakeError(
            .failed, "\(Printable.escape(path)) already exists with other content",
            fix: "use --force to replace it, or choose another name")
    }
}

extension CRC32 {
    /// For a member whose layers have these checksums, with zeros between them.
    package static func of(_ runs: [(run: ZipLayout.Run, sum: CRC32)]) -> CRC32 {
        var sum = CRC32()
        var end: UInt64 = 0
        for (run, own) in runs {
            let gap = [UInt8](repeating: 0, count: Int(run.offset - end))
            sum.update(gap.span)
            sum.append(own, count: run.layer.size)
            end = run.offset + run.layer.size
        }
        return sum
    }
}
