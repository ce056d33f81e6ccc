internal import Model
internal import Platform

/// The destination of exported files. They are written in a folder beside it, and get their names when all are right.
/// Nothing is written through a link, and nothing outside.
final class ExportFolder {
    private let root: String
    private var aside: (folder: String, lock: File)?

    private static let asidePrefix = ".cake-export-"

    init(_ path: String) throws(CakeError) {
        if let status = try Disk.status(path), status.kind != .folder {
            throw CakeError(.failed, "\(Printable.escape(path)) is not a folder", fix: "choose a folder with -o")
        }
        root = Disk.absolute(path)
    }

    /// Whether a file with these bytes exists there already. Other content under its name is refused, or replaced
    /// later.
    func isThere(_ output: Output, mayReplace: Bool, progress: (UInt64) -> Void) throws -> Bool {
        try refuseLinks(on: output.path)
        let path = Disk.join(root, output.path.string)
        guard let status = try Disk.status(path, followingLinks: false) else { return false }
        guard status.kind == .file else {
            throw CakeError(
                .failed, "\(Printable.escape(path)) is in the way, and is not a plain file",
                fix: "remove it, or choose another folder")
        }
        if status.size == output.size, try ExportFolder.holds(path, output.runs, progress: progress) { return true }
        guard mayReplace else {
            throw CakeError(
                .failed, "\(Printable.escape(path)) already exists with other content",
                fix: "use --force to replace it, or choose another folder")
        }
        return false
    }

    func refuseIfTooSmall(for bytes: UInt64) throws(CakeError) {
        var place = root
        while try !Disk.exists(place), place != "/" { place = Disk.parent(of: place) }
        let free = try Disk.freeBytes(place)
        guard free >= bytes else {
            throw CakeError(
                .diskFull,
                "\(Printable.escape(root)) needs \(Quantities.bytes(bytes)), and the disk has \(Quantities.bytes(free)) left",
                fix: "free some space, or choose another disk with -o")
        }
    }

    /// Removes the leftovers of killed exports.
    func clear() throws(CakeError) {
        guard try Disk.exists(root) else { return }
        for name in try Disk.names(in: root) where name.hasPrefix(ExportFolder.asidePrefix) {
            if try isDead(root + "/" + name) { try Disk.removeTree(root + "/" + name) }
        }
    }

    /// Makes the temporary folder.
    func begin() throws(CakeError) {
        try Disk.makeFolders(root)
        let folder = try Disk.makeUniqueFolder(in: root, prefix: ExportFolder.asidePrefix)
        do {
            // Locked before it has its name: no other export finds it free while this one lives.
            let lock = try File(folder + "/lock.new", .create)
            _ = try lock.lock(exclusive: true, waiting: false)
            try Disk.rename(folder + "/lock.new", to: folder + "/lock")
            aside = (folder, lock)
        } catch {
            try? Disk.removeTree(folder)
            throw error
        }
    }

    /// Whether its export was killed: its lock is free, or it never got one.
    private func isDead(_ folder: String) throws(CakeError) -> Bool {
        if let lock = try? File(folder + "/lock", .readWrite, followingLinks: false) {
            return try lock.lock(exclusive: true, waiting: false)
        }
        guard let status = try Disk.status(folder, followingLinks: false) else { return false }
        return Machine.now - status.modified > ExportFolder.longestStart
    }

    /// A folder without a lock was just made, or its maker was killed.
    private static let longestStart = 3600

    func part(_ index: Int) -> String { (aside?.folder ?? root) + "/\(index)" }

    /// With more files, syncing the whole file system is cheaper than syncing each; it also waits for other programs'
    /// writes.
    private static let mostSyncs = 100

    /// Syncs the files, and gives them their names.
    func publish(_ paths: [FilePath]) throws(CakeError) {
        if paths.count > ExportFolder.mostSyncs {
            try Disk.syncAll(root)
        } else {
            for index in paths.indices { try File(part(index), .read).sync() }
        }
        var folders: Set<String> = [root]
        for (index, path) in paths.enumerated() {
            var folder = root
            for part in path.parts.dropLast() {
                folder += "/" + part
                try Disk.makeFolder(folder)
                folders.insert(folder)
            }
            try refuseLinks(on: path)
            try Disk.rename(part(index), to: Disk.join(root, path.string))
        }
        for folder in folders.sorted() { try Disk.syncFolder(folder) }
        discard()
    }

    func discard() {
        if let aside { try? Disk.removeTree(aside.folder) }
        aside = nil
    }

    /// A folder on the way to a file must be one, and not a link that leads elsewhere.
    private func refuseLinks(on path: FilePath) throws(CakeError) {
        var folder = root
        for part in path.parts.dropLast() {
            folder += "/" + part
            guard let status = try Disk.status(folder, followingLinks: false) else { return }
            guard status.kind == .folder else {
                throw CakeError(
                    .failed, "\(Printable.escape(folder)) is in the way, and is not a plain folder",
                    fix: "remove it, or choose another folder")
            }
        }
    }

    /// Whether a file has runs with these digests, one after the other.
    static func holds(
        _ path: String, _ runs: [(digest: Digest, count: UInt64)], followingLinks: Bool = false,
        progress: (UInt64) -> Void
    ) throws -> Bool {
        let file = try File(path, .read, followingLinks: followingLinks)
        let chunk = Chunk(capacity: 1 << 20)
        var offset: UInt64 = 0
        for run in runs {
            var hash = SHA256()
            let end = offset + run.count
            while offset < end {
                try Task.checkCancellation()
                let count = Int(min(UInt64(chunk.capacity), end - offset))
                try file.fill(chunk, from: offset, count: count)
                chunk.withBytes { hash.update($0) }
                progress(UInt64(count))
                offset += UInt64(count)
            }
            guard hash.finish() == run.digest else { return false }
        }
        return true
    }

    deinit { discard() }
}
