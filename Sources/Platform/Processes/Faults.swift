internal import Glibc
internal import Synchronization

/// Makes the nth system call fail, for tests: first one, then the next, until none is left to fail. It follows a task
/// to any thread, and does not exist in release builds.
public final class FaultPlan: Sendable {
    public enum Effect: Sendable {
        /// The call fails once; later calls work.
        case failsOnce(errno: Int32)
        /// The call and every later one fail: the disk is as a killed process leaves it.
        case diesThere
    }

    /// Operations on the disk, in order: enough to say what a power cut may have lost.
    public enum Event: Hashable, Sendable {
        case madeFolder(String)
        case created(String)
        case wrote(String, offset: UInt64, bytes: [UInt8])
        case synced(String)
        case syncedAll
        case renamed(from: String, to: String)
        /// A file, or an empty folder.
        case removed(String)
        case syncedFolder(String)
    }

    @TaskLocal public static var current: FaultPlan?

    private struct State {
        var calls = 0
        var hasFired = false
        var events: [Event] = []
    }

    /// The number of "I/O error".
    public static let inputOutputError = EIO

    private let nth: Int
    private let effect: Effect
    private let isRecording: Bool
    private let state = Mutex(State())

    public convenience init(failing nth: Int, _ effect: Effect = .failsOnce(errno: inputOutputError)) {
        self.init(failing: nth, effect, isRecording: false)
    }

    /// Lets every call through, and records operations on the disk.
    public static func recorder() -> FaultPlan {
        FaultPlan(failing: .max, .failsOnce(errno: inputOutputError), isRecording: true)
    }

    private init(failing nth: Int, _ effect: Effect, isRecording: Bool) {
        self.nth = nth
        self.effect = effect
        self.isRecording = isRecording
    }

    public var hasFired: Bool { state.withLock { $0.hasFired } }
    public var calls: Int { state.withLock { $0.calls } }
    public var events: [Event] { state.withLock { $0.events } }

    /// The error number this call has to fail with, or nil to go on.
    func next() -> Int32? {
        state.withLock { state in
            state.calls += 1
            switch effect {
            case .failsOnce(let number):
                guard state.calls == nth else { return nil }
                state.hasFired = true
                return number
            case .diesThere:
                guard state.calls >= nth else { return nil }
                state.hasFired = true
                return EIO
            }
        }
    }

    func note(_ event: () -> Event) {
        guard isRecording else { return }
        let event = event()
        state.withLock { $0.events.append(event) }
    }
}

/// Every system call goes through this: the one place where faults are injected.
@inline(__always)
func faultNumber() -> Int32? {
    #if DEBUG
        ProcessFaults.own.count()
        return FaultPlan.current?.next()
    #else
        return nil
    #endif
}

@inline(__always)
func note(_ event: @autoclosure () -> FaultPlan.Event) {
    #if DEBUG
        FaultPlan.current?.note(event)
    #endif
}
