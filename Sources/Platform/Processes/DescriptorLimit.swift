internal import Glibc

/// How many files and connections this process may have open at once.
public enum DescriptorLimit {
    /// Asks the system for so many, which it may allow up to a limit of its own. Returns how many there may be now.
    public static func ask(for count: Int) -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return 0 }
        if limit.rlim_cur < rlim_t(count) {
            var more = rlimit(rlim_cur: min(rlim_t(count), limit.rlim_max), rlim_max: limit.rlim_max)
            if unsafe setrlimit(resource, &more) == 0 { limit = more }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
