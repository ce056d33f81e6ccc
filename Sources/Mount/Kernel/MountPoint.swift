package import Model
internal import Platform

#if Mount
    internal import CMount
    internal import Glibc
#endif

/// A folder that is to be mounted or unmounted.
package struct MountPoint: Sendable {
    /// What a person typed.
    package let typed: String
    /// Without links and dots.
    package let path: String

    /// Whether this cake was built with libfuse.
    package static var isBuilt: Bool {
        #if Mount
            true
        #else
            false
        #endif
    }

    /// Works for a mount that does not answer any more, too.
    package init(_ typed: String) throws(CakeError) {
        guard MountPoint.isBuilt else { throw MountRefusal.notBuilt }
        self.typed = typed
        path = try MountPoint.real(Disk.absolute(typed))
    }

    /// What was done to make the folder ready.
    package enum Preparation: Sendable {
        case none
        case madeFolder
        /// A cake that was killed had left a mount.
        case cleaned
    }

    /// Checks that something can be mounted there, and makes it so where that loses nothing.
    package func prepare(isOpenToOthers: Bool) throws(CakeError) -> Preparation {
        try MountRefusal.check(isOpenToOthers: isOpenToOthers)
        var done = Preparation.none
        while let entry = try MountTable.entry(at: path), entry.isCakes {
            guard !answers else { throw MountRefusal.taken(typed, by: entry.source) }
            _ = try unmount()
            done = .cleaned
        }
        guard let status = try Disk.status(path) else {
            try Disk.makeFolders(path)
            return .madeFolder
        }
        guard status.kind == .folder else { throw MountRefusal.noFolder(typed) }
        let names = try Disk.names(in: path)
        guard names.isEmpty else { throw MountRefusal.notEmpty(typed, names.count) }
        return done
    }

    /// Ends cake's mount of the folder. Returns the processes that still use it: then it has no name any more, and its
    /// open files stay readable until they are closed.
    package func unmount() throws(CakeError) -> [Holder] {
        guard let entry = try MountTable.entry(at: path) else { throw MountRefusal.notMounted(typed) }
        guard entry.isCakes else { throw MountRefusal.foreign(typed, entry.type) }
        if try unmount(lazily: false) { return [] }
        let holders = Holder.all(of: path)
        guard try unmount(lazily: true) else { throw MountRefusal.stuck(typed) }
        return holders
    }
}

extension MountTable.Entry {
    var isCakes: Bool { type == "fuse." + MountTable.subtype }
}

#if Mount
    extension MountPoint {
        private static func real(_ path: String) throws(CakeError) -> String {
            var room = [CChar](repeating: 0, count: Int(PATH_MAX))
            let number = unsafe cake_real_path(path, &room, room.count)
            guard number == 0 else {
                throw CakeError(
                    number == ENOENT || number == ENOTDIR ? .notFound : .failed,
                    "cannot find \(Printable.escape(path)): \(MountRefusal.words(number))",
                    fix: "make the folder above it first")
            }
            return String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }

        /// Whether there is a process behind the mount. Not to be asked of this process's own.
        private var answers: Bool {
            let number = unsafe cake_look_at(path)
            return number != ENOTCONN && number != ECONNABORTED
        }

        /// False if it is in use.
        private func unmount(lazily: Bool) throws(CakeError) -> Bool {
            switch unsafe cake_unmount(path, lazily ? 1 : 0) {
            case 0: return true
            case EBUSY: return false
            case EINVAL, ENOENT: return true
            default:
                // Not root: the mount is this user's, and the helper knows that. It says on standard error when it is busy.
                if !lazily, !Holder.all(of: path).isEmpty { return false }
                let words = (lazily ? ["-u", "-z"] : ["-u", "-q"]) + ["--", path]
                let result = try Program.run("fusermount3", words, input: [], limit: 1 << 16, seconds: 10)
                return result.status == 0
            }
        }
    }
#else
    extension MountPoint {
        private static func real(_ path: String) throws(CakeError) -> String { throw MountRefusal.notBuilt }
        private var answers: Bool { true }
        private func unmount(lazily: Bool) throws(CakeError) -> Bool { throw MountRefusal.notBuilt }
    }
#endif
