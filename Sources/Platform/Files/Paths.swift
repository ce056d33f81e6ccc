internal import Glibc
public import Model

extension Disk {
    /// The folder a path is in, by its spelling alone.
    public static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    public static func lastPart(of path: String) -> String {
        path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? path
    }

    public static func join(_ folder: String, _ name: String) -> String {
        folder.utf8.last == UInt8(ascii: "/") ? folder + name : folder + "/" + name
    }

    /// The path with every link resolved. Nothing may be missing on the way.
    public static func canonical(_ path: String) throws(CakeError) -> String {
        if let number = faultNumber() { throw SystemError.make(number, "find", path) }
        guard let resolved = unsafe realpath(path, nil) else { throw .system("find", path) }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    /// The path from the root of the file system, links and all, for messages and records.
    public static func absolute(_ path: String) -> String {
        if path.utf8.first == UInt8(ascii: "/") { return path }
        guard let current = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(current) }
        return join(unsafe String(cString: current), path)
    }

    /// Makes it the folder that relative paths begin at, for the whole process.
    public static func enter(_ folder: String) throws(CakeError) {
        _ = try retrying("enter", folder) { unsafe chdir(folder) }
    }

    /// A new folder that no other process has, under `folder`, with a name that begins with `prefix`.
    public static func makeUniqueFolder(in folder: String, prefix: String) throws(CakeError) -> String {
        var template = Array((join(folder, prefix) + "XXXXXX").utf8CString)
        if let number = faultNumber() { throw SystemError.make(number, "make a folder in", folder) }
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return false }
            return unsafe mkdtemp(start) != nil
        }
        guard made else { throw .system("make a folder in", folder) }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        note(.madeFolder(path))
        return path
    }
}
