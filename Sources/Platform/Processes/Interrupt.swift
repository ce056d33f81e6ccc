internal import CShims
internal import Glibc
internal import Synchronization

/// Ctrl-C and other ending signals. The main thread only waits here, because only it surely receives a signal that all
/// other threads block from their start. The work is a task on Swift's threads.
///
/// The first signal cancels the work, which cleans up; then the signal's own action ends the process, and a shell loop
/// around cake stops too. A second signal ends it at once, and so does work that does not end in time.
public enum Interrupt {
    /// The work's task wakes the waiting thread with this. From other processes it means nothing.
    private static let workHasEnded = SIGUSR1

    /// The action of a verb, instead of ending, when its terminal hangs up or the signal is sent.
    private static let hangUp = Mutex<(@Sendable () -> Void)?>(nil)

    public static func onHangUp(_ body: (@Sendable () -> Void)?) { hangUp.withLock { $0 = body } }

    /// `late` is called if the work did not end in the time allowed, which is read when the signal comes. Work that is
    /// `meantToEnd` by a signal has its own exit status. Must be called on the main thread before any other thread starts.
    public static func run(
        allowing time: () -> Duration, meantToEnd: () -> Bool, late: () -> Void,
        _ work: @escaping @Sendable () async -> Int32
    ) -> Never {
        _ = signal(SIGPIPE, SIG_IGN)
        var awaited = sigset_t()
        unsafe sigemptyset(&awaited)
        unsafe sigaddset(&awaited, workHasEnded)
        // A signal that is ignored already (nohup, a script's background job) stays ignored.
        for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) { unsafe sigaddset(&awaited, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &awaited, nil)

        let outcome = Outcome()
        let task = Task {
            outcome.end(with: await work())
            kill(getpid(), workHasEnded)
        }
        let first: Int32
        while true {
            let number = next(in: &awaited)
            if number == workHasEnded {
                if let status = outcome.status { exit(status) }
            } else if number == SIGHUP, let body = hangUp.withLock({ $0 }) {
                body()
            } else if number > 0 {
                first = number
                break
            }
        }
        task.cancel()
        let deadline = ContinuousClock.now + time()
        while outcome.status == nil {
            let left = deadline - .now
            guard left > .zero else {
                late()
                break
            }
            let number = next(in: &awaited, within: left)
            if number > 0, number != workHasEnded { end(by: number) }
        }
        if meantToEnd(), let status = outcome.status { exit(status) }
        end(by: first)
    }

    private final class Outcome: Sendable {
        /// Negative until the work has ended.
        private let code = Atomic<Int32>(-1)

        func end(with status: Int32) { code.store(status, ordering: .releasing) }

        var status: Int32? {
            let value = code.load(ordering: .acquiring)
            return value < 0 ? nil : value
        }
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        // A handler's address as a number, since functions cannot be compared.
        let handler = unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        return unsafe handler == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    private static func next(in awaited: inout sigset_t) -> Int32 {
        var number: Int32 = 0
        return unsafe sigwait(&awaited, &number) == 0 ? number : 0
    }

    /// Zero or less when the time is over.
    private static func next(in awaited: inout sigset_t, within time: Duration) -> Int32 {
        let (seconds, attoseconds) = time.components
        var limit = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        return unsafe sigtimedwait(&awaited, nil, &limit)
    }

    private static func end(by number: Int32) -> Never {
        _ = signal(number, SIG_DFL)
        var only = sigset_t()
        unsafe sigemptyset(&only)
        unsafe sigaddset(&only, number)
        unsafe pthread_sigmask(SIG_UNBLOCK, &only, nil)
        raise(number)
        _exit(128 + number)
    }
}
