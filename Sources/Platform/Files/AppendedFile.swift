internal import Glibc
public import Model
internal import Synchronization

/// A file to whose end lines are written, such as a log. Other programs may write to it, rename it or empty it.
public final class AppendedFile: Sendable {
    public let path: String
    private let descriptor: Mutex<Int32>

    /// Made if it is missing, so that its owner and group can read it.
    public init(_ path: String) throws(CakeError) {
        self.path = path
        descriptor = Mutex(try AppendedFile.open(path))
    }

    deinit { descriptor.withLock { _ = close($0) } }

    /// In one piece, behind everything that is there.
    public func append(_ bytes: [UInt8]) throws(CakeError) {
        let number = descriptor.withLock { descriptor in
            unsafe bytes.withUnsafeBytes { unsafe writeAll($0, to: descriptor) }
        }
        if number != 0 { throw SystemError.make(number, "write", path) }
    }

    /// Opens the file that has the name now. If there is none and none can be made, the old one stays open.
    public func reopen() throws(CakeError) {
        let new = try AppendedFile.open(path)
        let old = descriptor.withLock { descriptor in
            defer { descriptor = new }
            return descriptor
        }
        close(old)
    }

    private static func open(_ path: String) throws(CakeError) -> Int32 {
        try retrying("open", path) { unsafe Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640) }
    }
}
