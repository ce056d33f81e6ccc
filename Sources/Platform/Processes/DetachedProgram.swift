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
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        return .ended(status: status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f, output: output)
    }

    private static func start(_ arguments: [String], output: Int32) throws(CakeError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        defer {
            unsafe posix_spawn_file_actions_destroy(&actions)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        _ = unsafe cake_close_from(&actions, 3)
        var (none, all) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        let newSession: Int32 = 0x80
        unsafe posix_spawnattr_setflags(
            &attributes, Int16(Int32(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | newSession))
        var words: [UnsafeMutablePointer<CChar>?] = unsafe (["cake"] + arguments).map { unsafe strdup($0) } + [nil]
        defer { unsafe words.forEach { unsafe free($0) } }
        var variables: [UnsafeMutablePointer<CChar>?] = unsafe []
        if let entries = unsafe cake_environment() {
            var place = 0
            while let variable = unsafe entries[place] {
                unsafe variables.append(strdup(variable))
                place += 1
            }
        }
        unsafe variables += [strdup(mark + "=1"), nil]
        defer { unsafe variables.forEach { unsafe free($0) } }
        var process: pid_t = 0
        let number = unsafe posix_spawn(&process, "/proc/self/exe", &actions, &attributes, &words, &variables)
        guard number == 0 else { throw SystemError.make(number, "run", "cake") }
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
