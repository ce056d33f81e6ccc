internal import CShims
internal import Glibc
internal import Model

/// A program that is about to start: its streams and signals are set, and it gets no other open file of this process.
@safe package struct Spawning: ~Copyable {
    private var actions = unsafe posix_spawn_file_actions_t()
    private var attributes = posix_spawnattr_t()
    private var flags = Int32(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)

    /// Signals that this process waits for are not blocked in it.
    package init() {
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
    }

    deinit {
        var (actions, attributes) = unsafe (actions, attributes)
        unsafe posix_spawn_file_actions_destroy(&actions)
        unsafe posix_spawnattr_destroy(&attributes)
    }

    package mutating func give(_ descriptor: Int32, as stream: Int32) {
        unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, stream)
    }

    package mutating func open(_ path: String, _ mode: Int32, as stream: Int32) {
        unsafe posix_spawn_file_actions_addopen(&actions, stream, path, mode, 0o644)
    }

    /// Signals that this process ignores are not ignored in it: all of them, or these.
    package mutating func heed(_ signals: [Int32]? = nil) {
        var heeded = sigset_t()
        if let signals {
            unsafe sigemptyset(&heeded)
            for signal in signals { unsafe sigaddset(&heeded, signal) }
        } else {
            unsafe sigfillset(&heeded)
        }
        unsafe posix_spawnattr_setsigdefault(&attributes, &heeded)
    }

    /// In a session of its own.
    mutating func leaveTerminal() { flags |= 0x80 }

    /// Starts a program, which is searched as a shell does if its name has no slash. Without variables it has those of
    /// this process. Fails with a number of the system.
    package consuming func start(
        _ program: String, _ words: [String], variables: [String]? = nil
    ) -> (process: Int32, failure: Int32) {
        _ = unsafe cake_close_from(&actions, 3)
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        var words: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { unsafe words.forEach { unsafe free($0) } }
        var given: [UnsafeMutablePointer<CChar>?] = unsafe (variables ?? []).map { unsafe strdup($0) } + [nil]
        defer { unsafe given.forEach { unsafe free($0) } }
        var process: pid_t = 0
        let number =
            variables == nil
            ? unsafe posix_spawnp(&process, program, &actions, &attributes, &words, cake_environment())
            : unsafe posix_spawnp(&process, program, &actions, &attributes, &words, &given)
        return (process, number)
    }

    /// The variables of this process.
    static var variables: [String] {
        guard let entries = unsafe cake_environment() else { return [] }
        var variables: [String] = []
        while let variable = unsafe entries[variables.count] { unsafe variables.append(String(cString: variable)) }
        return variables
    }

    /// The status as a shell has it, when the program has ended.
    static func status(of process: Int32) -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
    }
}
