internal import Glibc
public import Model
internal import Synchronization

/// Runs asynchronous work for code that is not, and returns its result. The calling thread does the work's own steps while it
/// waits, so that no other thread has to be free for them. Not for Swift's own threads, nor for threads that serve connections.
public func waiting<Value: Sendable>(
    for work: @escaping @Sendable () async throws(CakeError) -> Value
) throws(CakeError) -> Value {
    let thread = WaitingThread()
    let answer = Answer<Value>()
    Task(name: "waited for", executorPreference: thread) {
        let result: Result<Value, CakeError>
        do throws(CakeError) {
            result = .success(try await work())
        } catch {
            result = .failure(error)
        }
        answer.result.withLock { $0 = result }
        thread.end()
    }
    thread.run()
    guard let result = answer.result.withLock({ $0 }) else { throw CakeError(.failed, "work ended without a result") }
    return try result.get()
}

private final class Answer<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, CakeError>?>(nil)
}

/// The steps of one task, done by the thread that waits for it.
@safe private final class WaitingThread: TaskExecutor, @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let isWork = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Guarded by `lock`.
    private var jobs = Queue<UnownedJob>()
    private var isOver = false

    init() {
        unsafe pthread_mutex_init(lock, nil)
        unsafe pthread_cond_init(isWork, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(isWork)
        unsafe pthread_mutex_destroy(lock)
        unsafe isWork.deallocate()
        unsafe lock.deallocate()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        unsafe pthread_mutex_lock(lock)
        jobs.append(job)
        // Under the lock: the waiting thread may free both when it is over.
        unsafe pthread_cond_signal(isWork)
        unsafe pthread_mutex_unlock(lock)
    }

    func end() {
        unsafe pthread_mutex_lock(lock)
        isOver = true
        unsafe pthread_cond_signal(isWork)
        unsafe pthread_mutex_unlock(lock)
    }

    func run() {
        while true {
            unsafe pthread_mutex_lock(lock)
            while jobs.isEmpty, !isOver { unsafe pthread_cond_wait(isWork, lock) }
            let job = jobs.popFirst()
            unsafe pthread_mutex_unlock(lock)
            guard let job else { return }
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
