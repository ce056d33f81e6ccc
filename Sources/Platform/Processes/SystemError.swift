internal import Glibc
internal import Model

/// Turns an error number into words and the kind that decides the exit status.
enum SystemError {
    /// `action` is a verb phrase: "write", "open".
    static func make(_ number: Int32, _ action: String, _ path: String) -> CakeError {
        let words = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
        let what = "cannot \(action) \(Printable.escape(path)): \(words)"
        return switch number {
        case ENOENT, ENOTDIR: CakeError(.notFound, what)
        case ENOSPC, EDQUOT:
            CakeError(.diskFull, what, fix: "free some space (cake gc frees what no model needs) and run it again")
        case EROFS: CakeError(.failed, what, fix: "the disk is read-only; choose another place")
        case EACCES, EPERM:
            CakeError(.failed, what, fix: "check its owner and permissions: ls -ld \(Printable.escape(path))")
        case EMFILE, ENFILE: CakeError(.failed, what, fix: "allow more open files: ulimit -n 4096")
        case EIO: CakeError(.failed, what, fix: "the disk reports a fault; check dmesg")
        default: CakeError(.failed, what)
        }
    }
}

extension CakeError {
    /// Code branches on the number of an error only here.
    static func system(_ action: String, _ path: String) -> CakeError { SystemError.make(errno, action, path) }
}
