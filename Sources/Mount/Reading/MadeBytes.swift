internal import Model
internal import Platform
internal import Synchronization

/// Bytes of a file that take long to make: made once, off the kernel's threads, when a program first reads them.
final class MadeBytes: Sendable {
    private enum State {
        case unmade
        case coming
        case made([UInt8])
    }

    private let source: Content.Made
    private let work: BackgroundWork
    private let state = Mutex(State.unmade)
    private let waiters = Waiters<Bool, Void>()

    init(_ source: Content.Made, on work: BackgroundWork) { (self.source, self.work) = (source, work) }

    /// Nil until they are made.
    var bytes: [UInt8]? { state.withLock { if case .made(let bytes) = $0 { bytes } else { nil } } }

    /// Calls back when they are made, or cannot be: at once, or on a thread of the store. After a failure the next reader
    /// tries again.
    func wait(_ then: @escaping @Sendable (Result<Void, any Error>) -> Void) {
        var isFirst = false
        _ = waiters.call(then, for: true) {
            state.withLock { state in
                switch state {
                case .made: return .success(())
                case .coming: return nil
                case .unmade:
                    (state, isFirst) = (.coming, true)
                    return nil
                }
            }
        }
        if isFirst { work.start { await self.make() } }
    }

    private func make() async {
        let made: Result<[UInt8], any Error>
        do {
            let bytes = try await source.bytes()
            guard bytes.count == source.count else { throw CakeError(.failed, "a part of the file has another size") }
            made = .success(bytes)
        } catch { made = .failure(error) }
        waiters.tell(true, made.map { _ in }) {
            let bytes = try? made.get()
            state.withLock { $0 = bytes.map { .made($0) } ?? .unmade }
        }
    }
}
