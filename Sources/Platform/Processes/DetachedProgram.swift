internal import CShims
internal import Glibc
public import Model

/// This program once more, in a session of its own, to go on when its starter has ended. A fork could not: a forked child
/// has none of the threads.
public enum DetachedProgram {
    /// The variable that tells the program that it was started so.
    public static let mark = "CAKE_DETACHED"

    /// The last byte that the starter reads.
    private static let ready: UInt8 = 0

    public enum End: Sendable {
        /// It goes on; this is what it had printed until then.
        case ready(output: [UInt8])
        case ended(status: Int32, output: [UInt8])
    }

    /// Starts it with these words, and returns when it is ready, or has ended. Blocks.
    public static func start(_ arguments: [String]) throws(CakeError) -> End {
        var ends: [Int32] = [-1, -1]
        _ = try retrying("make a pipe to", "cake") { unsafe cake_pipe(&ends) }
        let process: pid_t
        do throws(CakeError) {
            process = try start(arguments, output: ends[1])
            close(ends[1])
        } catch {
            close(ends[0])
            close(ends[1])
            throw error
        }
        defer { close(ends[0]) }
        var output: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe read(ends[0], &room, room.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            output += room[..<count]
            if output.last == ready { return .ready(output: output.dropLast()) }
        }
        return .ended(status: Spawning.status(of: process), output: output)
    }

    private static func start(_ arguments: [String], output: Int32) throws(CakeError) -> Int32 {
        var spawning = Spawning()
        spawning.open("/dev/null", O_RDONLY, as: STDIN_FILENO)
        spawning.give(output, as: STDOUT_FILENO)
        spawning.heed()
        spawning.leaveTerminal()
        let (process, failure) = spawning.start(
            "/proc/self/exe", ["cake"] + arguments, variables: Spawning.variables + [mark + "=1"])
        guard failure == 0 else { throw SystemError.make(failure, "run", "cake") }
        return process
    }

    /// Tells the starter that all is ready, and lets go of its streams.
    public static func tellReady() {
        var byte = ready
        _ = unsafe write(STDOUT_FILENO, &byte, 1)
        let nowhere = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        guard nowhere >= 0 else { return }
        for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] { dup2(nowhere, stream) }
        close(nowhere)
        _ = unsafe chdir("/")
    }

    /// A line in the system's log, for a program without streams.
    public static func log(_ text: String) { unsafe cake_log(text) }
}
