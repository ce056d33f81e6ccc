internal import Model
internal import Platform

/// The disk space of files, and the space that their removal frees: allocated blocks; for a file with several hard
/// links nothing until all of them are counted.
struct DiskRoom: Sendable {
    private struct Inode: Hashable {
        let device: UInt64
        let number: UInt64
    }

    private var linked: [Inode: UInt64] = [:]
    private(set) var bytes: UInt64 = 0

    mutating func add(_ status: Disk.Status) {
        guard status.names > 1, status.kind == .file else { return bytes += status.allocated }
        let inode = Inode(device: status.device, number: status.inode)
        let seen = linked[inode, default: 0] + 1
        linked[inode] = seen
        if seen == status.names { bytes += status.allocated }
    }

    /// A file, where there is one.
    mutating func add(_ path: String) throws(CakeError) {
        if let status = try Disk.status(path, followingLinks: false) { add(status) }
    }

    /// Files in a folder and below it. Files that vanish meanwhile do not count.
    mutating func add(tree path: String) throws(CakeError) {
        guard let status = try Disk.status(path, followingLinks: false) else { return }
        guard status.kind == .folder else { return add(status) }
        for name in (try? Disk.names(in: path)) ?? [] { try add(tree: path + "/" + name) }
    }
}
