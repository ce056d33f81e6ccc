package import Model
package import Platform

/// The disk space of files, and the space that their removal frees: allocated blocks; for a file with several hard
/// links nothing until all of them are counted.
package struct DiskRoom: Sendable {
    package struct Inode: Hashable, Sendable {
        let device: UInt64
        let number: UInt64

        package init(_ status: Disk.Status) { (device, number) = (status.device, status.inode) }
    }

    /// Of most file systems.
    private static let block: UInt64 = 4096

    /// What a file of so many bytes takes: whole blocks.
    static func blocks(_ length: UInt64) -> UInt64 { (length + block - 1) / block * block }

    /// How many of a file's names were counted.
    private var linked: [Inode: UInt64] = [:]
    package private(set) var bytes: UInt64 = 0

    package init() {}

    /// The files that other names keep, and how many of their names were counted.
    var kept: [Inode: UInt64] { linked }

    package mutating func add(_ status: Disk.Status) {
        guard status.names > 1, status.kind == .file else { return bytes += status.allocated }
        let inode = Inode(status)
        let seen = linked[inode, default: 0] + 1
        linked[inode] = seen == status.names ? nil : seen
        if seen == status.names { bytes += status.allocated }
    }

    /// A file, where there is one.
    package mutating func add(_ path: String) throws(CakeError) {
        if let status = try Disk.status(path, followingLinks: false) { add(status) }
    }

    /// Files in a folder and below it. Files that vanish meanwhile do not count.
    mutating func add(tree path: String) throws(CakeError) {
        guard let status = try Disk.status(path, followingLinks: false) else { return }
        guard status.kind == .folder else { return add(status) }
        for name in (try? Disk.names(in: path)) ?? [] { try add(tree: path + "/" + name) }
    }
}
