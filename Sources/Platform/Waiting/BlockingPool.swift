internal import Glibc

/// Threads of cake's own for work that waits or computes long: Swift's few must never do either. A task runs here when
/// it is started with `executorPreference`.
@safe public final class BlockingPool: TaskExecutor, @unchecked Sendable {
    public let threads: Int
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let isWork = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Guarded by `lock`.
    private var jobs = Queue<UnownedJob>()

    /// The pool lives as long as the process.
    public init(threads: Int) {
        self.threads = threads
        unsafe pthread_mutex_init(lock, nil)
        unsafe pthread_cond_init(isWork, nil)
        for _ in 0..<threads { OwnThread.start { self.run() } }
    }

    /// For a store whose work runs on the threads of its caller.
    public static let none = BlockingPool(threads: 0)

    public static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        unsafe pthread_mutex_lock(lock)
        jobs.append(job)
        unsafe pthread_mutex_unlock(lock)
        unsafe pthread_cond_signal(isWork)
    }

    private func run() {
        while true {
            unsafe pthread_mutex_lock(lock)
            while jobs.isEmpty { unsafe pthread_cond_wait(isWork, lock) }
            let job = jobs.popFirst()
            unsafe pthread_mutex_unlock(lock)
            unsafe job?.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
