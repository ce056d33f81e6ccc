internal import Glibc
public import Model

/// A named pipe that another program reads.
public final class NamedPipe: Sendable {
    private let path: String
    private let descriptor: Int32

    public static func isOne(_ path: String) -> Bool {
        var raw = stat()
        return unsafe stat(path, &raw) == 0 && raw.st_mode & S_IFMT == S_IFIFO
    }

    /// Waits until a reader opens the other end.
    public init(_ path: String) throws(CakeError) {
        var raw = stat()
        _ = try retrying("look at", path) { unsafe stat(path, &raw) }
        guard raw.st_mode & S_IFMT == S_IFIFO else {
            throw CakeError(
                .usage, "\(Printable.escape(path)) is not a named pipe, and a stream is not stored",
                fix: "make one with mkfifo, or send standard output to a file: > FILE")
        }
        descriptor = try retrying("open", path) { unsafe open(path, O_WRONLY | O_CLOEXEC) }
        self.path = path
    }

    deinit { close(descriptor) }

    /// Whether there is still a reader.
    public func send(_ bytes: Span<UInt8>) throws(CakeError) -> Bool {
        let number = unsafe bytes.withUnsafeBytes { unsafe writeAll($0, to: descriptor) }
        guard number != 0, number != EPIPE else { return number == 0 }
        throw SystemError.make(number, "write", path)
    }
}
