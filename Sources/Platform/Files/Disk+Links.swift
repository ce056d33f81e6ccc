internal import CShims
internal import Glibc
public import Model

extension Disk {
    /// A symbolic link to `target`. False if the name is taken.
    public static func makeLink(_ path: String, saying target: String) throws(CakeError) -> Bool {
        if let number = faultNumber() { throw SystemError.make(number, "link", path) }
        if unsafe symlink(target, path) == 0 { return true }
        guard errno == EEXIST else { throw .system("link", path) }
        return false
    }

    /// Another name for the same file. False where the file system cannot have it: another disk, too many names.
    public static func makeName(_ path: String, of existing: String) throws(CakeError) -> Bool {
        if let number = faultNumber() { throw SystemError.make(number, "make a hard link to", existing) }
        if unsafe link(existing, path) == 0 { return true }
        guard [EXDEV, EMLINK, EPERM, EOPNOTSUPP].contains(errno) else {
            throw .system("make a hard link to", existing)
        }
        return false
    }

    /// A new file at `path` that shares the bytes of another until one of them is written to. False if the file system
    /// cannot do this.
    public static func makeClone(_ path: String, of existing: String) throws(CakeError) -> Bool {
        try put(path) { new throws(CakeError) in try clone(existing, to: new) }
    }

    private static func clone(_ existing: String, to path: String) throws(CakeError) -> Bool {
        let (source, target) = (try File(existing, .read), try File(path, .create))
        if let number = faultNumber() { throw SystemError.make(number, "clone", existing) }
        if cake_clone(target.descriptor, source.descriptor) == 0 {
            try target.sync()
            return true
        }
        guard [EXDEV, EINVAL, EOPNOTSUPP, ENOTTY, EPERM, ETXTBSY].contains(errno) else {
            throw .system("clone", existing)
        }
        return false
    }

    /// Puts another name of `existing` where `path` is, which is never missing meanwhile.
    public static func replace(_ path: String, byNameOf existing: String) throws(CakeError) -> Bool {
        try put(path) { new throws(CakeError) in try makeName(new, of: existing) }
    }

    /// Renames to `path` the file that `make` made elsewhere, unless it returned false.
    private static func put(_ path: String, _ make: (String) throws(CakeError) -> Bool) throws(CakeError) -> Bool {
        let aside = try makeUniqueFolder(in: parent(of: path), prefix: asidePrefix)
        do throws(CakeError) {
            let isMade = try make(join(aside, "new"))
            if isMade { try rename(join(aside, "new"), to: path) }
            try removeTree(aside)
            return isMade
        } catch {
            try? removeTree(aside)
            throw error
        }
    }
}
