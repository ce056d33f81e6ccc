internal import CShims
internal import Glibc
public import Model
internal import Synchronization

/// A thread of cake's own, for work that waits where no task may.
public enum OwnThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// It is not joined: it runs until `run` returns, or as long as the process. False if there can be no more threads.
    @discardableResult public static func start(_ run: @escaping @Sendable () -> Void) -> Bool {
        guard let thread = make(run) else { return false }
        pthread_detach(thread)
        return true
    }

    /// Runs the body on so many threads, and returns when all of them are through.
    public static func together(_ count: Int, _ run: @escaping @Sendable () -> Void) {
        let threads = (0..<count).compactMap { _ in make(run) }
        // If the machine cannot start another thread, the work is done here.
        if threads.isEmpty { run() }
        for thread in threads { pthread_join(thread, nil) }
    }

    private final class Answer<Result: Sendable>: @unchecked Sendable {
        /// Written by the thread, and read when that has ended.
        var result: Result?
    }

    /// Runs the body on a thread of its own and waits for it. No signal is handled on that thread, nor on those that it starts. Nil
    /// if there can be no more threads.
    public static func aside<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result? {
        var (all, before) = (sigset_t(), sigset_t())
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        let answer = Answer<Result>()
        let thread = make { answer.result = body() }
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        guard let thread else { return nil }
        pthread_join(thread, nil)
        return answer.result
    }

    private static func make(_ run: @escaping @Sendable () -> Void) -> pthread_t? {
        var thread = pthread_t()
        let body = unsafe Unmanaged.passRetained(Body(run))
        let result = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        if result == 0 { return thread }
        unsafe body.release()
        return nil
    }
}

extension BlockingPool {
    /// Works on the items on separate threads, one for each processor, and returns when all are done. For work outside
    /// of tasks: the caller may block. One of the failures is thrown, and no item is begun after it.
    public static func forEach<Item: Sendable>(
        _ items: [Item], _ body: @escaping @Sendable (Int, Item) throws(CakeError) -> Void
    ) throws(CakeError) {
        guard !items.isEmpty else { return }
        let state = Shared()
        OwnThread.together(min(items.count, processors)) {
            while true {
                let index = state.next.add(1, ordering: .relaxed).oldValue
                guard index < items.count, state.failure.withLock({ $0 == nil }) else { return }
                do throws(CakeError) {
                    try body(index, items[index])
                } catch {
                    state.failure.withLock { $0 = $0 ?? error }
                }
            }
        }
        if let error = state.failure.withLock({ $0 }) { throw error }
    }

    private final class Shared: Sendable {
        let next = Atomic(0)
        let failure = Mutex<CakeError?>(nil)
    }
}
