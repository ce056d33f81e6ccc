internal import CShims
internal import Glibc
public import Model

/// Runs another program to its end: for helpers that store passwords. Its output and its time are limited.
public enum Program {
    public struct Result: Sendable {
        public let status: Int32
        public let output: [UInt8]
    }

    /// `name` is searched as a shell does. Blocks: call it on a pool's thread.
    public static func run(
        _ name: String, _ arguments: [String], input: [UInt8], limit: Int, seconds: Int
    ) throws(CakeError) -> Result {
        let (toRead, toWrite) = (try Pipe(name), try Pipe(name))
        let process = try start(name, arguments, input: toRead, output: toWrite)
        toRead.closeReading()
        toWrite.closeWriting()
        var output: [UInt8] = []
        let isFine = exchange(input, toRead, toWrite, &output, limit: limit, until: .now + .seconds(seconds))
        if !isFine { kill(process, SIGKILL) }
        toRead.closeWriting()
        toWrite.closeReading()
        let status = Spawning.status(of: process)
        guard isFine else {
            throw CakeError(
                .failed, "\(Printable.escape(name)) took longer than \(seconds) s, or printed more than \(limit) bytes")
        }
        return Result(status: status, output: output)
    }

    private static func start(
        _ name: String, _ arguments: [String], input: Pipe, output: Pipe
    ) throws(CakeError) -> Int32 {
        var spawning = Spawning()
        spawning.give(input.reading, as: STDIN_FILENO)
        spawning.give(output.writing, as: STDOUT_FILENO)
        // The others that cake ignores were ignored before it began.
        spawning.heed([SIGPIPE])
        let (process, failure) = spawning.start(name, [name] + arguments)
        guard failure == 0 else { throw SystemError.make(failure, "run", name) }
        return process
    }

    /// Writes and reads as the program does. False if it takes too long or prints too much.
    private static func exchange(
        _ input: [UInt8], _ toRead: Pipe, _ toWrite: Pipe, _ output: inout [UInt8], limit: Int,
        until deadline: ContinuousClock.Instant
    ) -> Bool {
        var sent = 0
        var room = [UInt8](repeating: 0, count: 4096)
        while true {
            let left = deadline - .now
            guard left > .zero else { return false }
            if sent == input.count { toRead.closeWriting() }
            var requests = [
                pollfd(fd: toWrite.reading, events: Int16(POLLIN), revents: 0),
                pollfd(fd: toRead.writing, events: Int16(POLLOUT), revents: 0),
            ]
            let milliseconds = Int32(clamping: left.components.seconds * 1000 + 100)
            guard unsafe poll(&requests, 2, milliseconds) >= 0 else {
                if errno == EINTR { continue }
                return false
            }
            if requests[1].revents != 0, toRead.writing >= 0 {
                let count = unsafe input[sent...].withUnsafeBytes {
                    unsafe write(toRead.writing, $0.baseAddress, min($0.count, 512))
                }
                // A program that does not read its input may still answer.
                if count > 0 { sent += count } else if errno != EINTR { sent = input.count }
            }
            guard requests[0].revents != 0 else { continue }
            let count = unsafe read(toWrite.reading, &room, room.count)
            if count == 0 { return true }
            guard count > 0 else {
                if errno == EINTR { continue }
                return false
            }
            output += room[..<count]
            guard output.count <= limit else { return false }
        }
    }

    /// Both ends close with the last owner.
    private final class Pipe {
        private(set) var reading: Int32
        private(set) var writing: Int32

        init(_ name: String) throws(CakeError) {
            var ends: [Int32] = [-1, -1]
            _ = try retrying("make a pipe to", name) { unsafe cake_pipe(&ends) }
            (reading, writing) = (ends[0], ends[1])
        }

        func closeReading() {
            if reading >= 0 { close(reading) }
            reading = -1
        }

        func closeWriting() {
            if writing >= 0 { close(writing) }
            writing = -1
        }

        deinit {
            closeReading()
            closeWriting()
        }
    }
}

extension Program {
    /// Whether a shell would find a program of that name.
    public static func isThere(_ name: String) -> Bool {
        let folders = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        return folders.split(separator: ":").contains { unsafe access(Disk.join(String($0), name), X_OK) == 0 }
    }
}
