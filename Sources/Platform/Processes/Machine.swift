internal import Glibc

/// Which machine this is, since when it runs, and which process this is on it.
public enum Machine {
    public static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&name, name.count - 1) == 0 else { return "unknown" }
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.isEmpty ? "unknown" : String(text.map { $0.isWhitespace ? "-" : $0 })
    }

    /// The kernel's ID of this boot: unsynced data of another boot may be lost.
    public static var boot: String {
        guard let file = try? File("/proc/sys/kernel/random/boot_id", .read),
            let bytes = try? file.bytes(at: 0, count: 36)
        else { return "unknown" }
        return String(decoding: bytes, as: UTF8.self)
    }

    #if arch(x86_64)
        public static let architecture = "x86_64"
    #elseif arch(arm64)
        public static let architecture = "aarch64"
    #else
        public static let architecture = "unknown"
    #endif

    public static var process: Int { Int(getpid()) }

    public static func isAlive(process: Int) -> Bool {
        guard let id = pid_t(exactly: process) else { return false }
        return kill(id, 0) == 0 || errno == EPERM
    }

    /// Lowest priority for the processors and, by the kernel's rule, for the disk.
    public static func goLast() {
        guard let threads = try? Disk.names(in: "/proc/self/task") else { return }
        // To Linux each thread has its own; those that begin later inherit it.
        for thread in threads.compactMap({ id_t($0) }) {
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), thread, 19)
        }
    }

    /// What this process took until now: seconds of all its processors, and the most memory it ever held, in bytes.
    public static var taken: (processor: Duration, memory: UInt64) {
        var usage = rusage()
        guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return (.zero, 0) }
        let times = [usage.ru_utime, usage.ru_stime]
        let processor = times.reduce(Duration.zero) {
            $0 + .seconds(Int64($1.tv_sec)) + .microseconds(Int64($1.tv_usec))
        }
        return (processor, UInt64(max(0, usage.ru_maxrss)) << 10)
    }

    /// A time as the clock on the wall shows it, in the time zone of this machine: `18:22:04`.
    public static func clock(_ seconds: Int) -> String {
        var moment = time_t(seconds)
        var parts = unsafe tm()
        guard unsafe localtime_r(&moment, &parts) != nil else { return "" }
        func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + "\(number)" }
        return unsafe "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    }

    /// Seconds since 1970, by the clock on the wall.
    public static var now: Int { time(nil) }
}
