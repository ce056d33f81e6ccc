internal import CShims
internal import Glibc
public import Model

/// Names, sizes and folders: the knowledge of a file system about files besides their bytes.
public enum Disk {
    public struct Status: Sendable {
        public enum Kind: Sendable { case file, folder, link, other }

        public let kind: Kind
        public let size: UInt64
        /// Bytes the disk gave for it: less than `size` for a sparse file.
        public let allocated: UInt64
        /// Seconds since 1970.
        public let modified: Int
        public let device: UInt64
        public let inode: UInt64
        /// How many names the file has.
        public let names: UInt64
        /// Accounts that are neither the owner nor in the group may read or change it.
        public let isOpenToOthers: Bool
        private let nanoseconds: Int

        init(_ raw: stat) {
            kind =
                switch raw.st_mode & S_IFMT {
                case S_IFREG: .file
                case S_IFDIR: .folder
                case S_IFLNK: .link
                default: .other
                }
            size = UInt64(max(raw.st_size, 0))
            allocated = UInt64(max(raw.st_blocks, 0)) * 512
            modified = raw.st_mtim.tv_sec
            device = UInt64(raw.st_dev)
            inode = UInt64(raw.st_ino)
            names = UInt64(raw.st_nlink)
            isOpenToOthers = raw.st_mode & 0o006 != 0
            nanoseconds = raw.st_mtim.tv_nsec
        }

        /// Whether it is the same file, unchanged since then, as far as a file system can tell.
        public func isUnchanged(since other: Status) -> Bool {
            (device, inode, size, modified, nanoseconds)
                == (other.device, other.inode, other.size, other.modified, other.nanoseconds)
        }

        /// Whether a change from now on would show in these times: a file system's clock moves in steps.
        public var isSettled: Bool {
            var now = timespec()
            guard unsafe clock_gettime(CLOCK_REALTIME, &now) == 0 else { return false }
            let passed = (now.tv_sec - modified) * 1_000_000_000 + now.tv_nsec - nanoseconds
            return passed > Status.clockStep
        }

        /// Nanoseconds: a few of the longest.
        private static let clockStep = 50_000_000
    }

    /// Nil when nothing has that name.
    public static func status(_ path: String, followingLinks: Bool = true) throws(CakeError) -> Status? {
        var raw = stat()
        // That nothing is there is asked too often to make an error of it.
        let isThere = try retrying("look at", path) {
            let result = followingLinks ? unsafe stat(path, &raw) : unsafe lstat(path, &raw)
            return result != 0 && (errno == ENOENT || errno == ENOTDIR) ? 1 : result
        }
        return isThere == 0 ? Status(raw) : nil
    }

    public static func exists(_ path: String) throws(CakeError) -> Bool {
        try status(path, followingLinks: false) != nil
    }

    /// Makes one folder; fine when it is there.
    public static func makeFolder(_ path: String) throws(CakeError) {
        do {
            _ = try retrying("make the folder", path) { unsafe mkdir(path, 0o777) }
            note(.madeFolder(path))
        } catch {
            guard let status = try status(path), status.kind == .folder else { throw error }
        }
    }

    /// Makes a folder and those above it, each synced into the one above.
    public static func makeFolders(_ path: String) throws(CakeError) {
        if try exists(path) { return try makeFolder(path) }
        let above = parent(of: path)
        if above != path { try makeFolders(above) }
        try makeFolder(path)
        try syncFolder(above)
    }

    /// The names in a folder, sorted by their bytes, without `.` and `..`.
    public static func names(in path: String) throws(CakeError) -> [String] {
        if let number = faultNumber() { throw SystemError.make(number, "list", path) }
        guard let folder = unsafe opendir(path) else { throw .system("list", path) }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(folder) else {
                guard errno == 0 else { throw .system("list", path) }
                break
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.precedesInBytes($1) }
    }

    public static func rename(_ source: String, to target: String) throws(CakeError) {
        _ = try retrying("rename to \(Printable.escape(target)) the file", source) {
            unsafe Glibc.rename(source, target)
        }
        note(.renamed(from: source, to: target))
    }

    /// Fine when it is already gone.
    public static func remove(_ path: String) throws(CakeError) {
        do {
            _ = try retrying("remove", path) { unsafe unlink(path) }
            note(.removed(path))
        } catch let error where error.kind == .notFound {}
    }

    /// Removes a folder of cake's own with all that is in it. Links in it are removed, not followed. Another process may
    /// be at it, too.
    public static func removeTree(_ path: String) throws(CakeError) {
        guard let status = try status(path, followingLinks: false) else { return }
        guard status.kind == .folder else { return try remove(path) }
        do {
            for name in try names(in: path) { try removeTree(path + "/" + name) }
            _ = try retrying("remove", path) { unsafe rmdir(path) }
            note(.removed(path))
        } catch let error where error.kind == .notFound {}
    }

    /// Removes a folder if it is empty.
    public static func removeFolder(ifEmpty path: String) throws(CakeError) {
        if let number = faultNumber() { throw SystemError.make(number, "remove", path) }
        guard unsafe rmdir(path) != 0 else { return note(.removed(path)) }
        guard [ENOTEMPTY, EEXIST, ENOENT].contains(errno) else { throw .system("remove", path) }
    }

    /// Returns when names made in or moved into the folder would survive a power cut.
    public static func syncFolder(_ path: String) throws(CakeError) {
        let descriptor = try retrying("open", path) { unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        defer { close(descriptor) }
        _ = try retrying("sync", path) { fsync(descriptor) }
        note(.syncedFolder(path))
    }

    /// Syncs all of the file system that `path` is on: cheaper than file by file when there are many.
    public static func syncAll(_ path: String) throws(CakeError) {
        let descriptor = try retrying("open", path) { unsafe open(path, O_RDONLY | O_CLOEXEC) }
        defer { close(descriptor) }
        _ = try retrying("sync", path) { cake_syncfs(descriptor) }
        note(.syncedAll)
    }

    public static func freeBytes(_ path: String) throws(CakeError) -> UInt64 {
        var raw = statvfs()
        _ = try retrying("look at", path) { unsafe statvfs(path, &raw) }
        return UInt64(raw.f_bavail) &* UInt64(raw.f_frsize)
    }

    /// Makes a file as young as can be.
    public static func touch(_ path: String) throws(CakeError) {
        _ = try retrying("touch", path) { unsafe utimensat(AT_FDCWD, path, nil, 0) }
    }

    /// A whole small file; refused when it is larger than `limit`.
    public static func read(_ path: String, limit: Int) throws(CakeError) -> [UInt8] {
        let file = try File(path, .read)
        let size = try file.size()
        guard let count = Int(exactly: size), count <= limit else {
            throw CakeError(.damaged, "\(Printable.escape(path)) has \(size) bytes; the limit is \(limit)")
        }
        return try file.bytes(at: 0, count: count)
    }

    /// Whether names can be made in the folder.
    public static func isWritable(_ folder: String) -> Bool { unsafe access(folder, W_OK) == 0 }
}
