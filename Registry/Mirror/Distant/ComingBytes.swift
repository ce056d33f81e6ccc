internal import Store
internal import Synchronization

/// Bytes that come by and by, for one reader.
protocol ComingBytes: Sendable {
    /// Copies ready bytes from a position on; 0 if there are none yet, nil if there never will be.
    func take(into room: inout MutableSpan<UInt8>, from position: UInt64) -> Int?
    /// Calls back once, when there are bytes at that position, or never will be.
    func wait(for position: UInt64, _ then: @escaping @Sendable () -> Void)
}

extension RebuiltBytes: ComingBytes {}

extension ComingBytes {
    /// The next bytes, when there are some; nil if there never will be.
    func next(from position: UInt64, atMost count: Int) async throws -> [UInt8]? {
        while true {
            try Task.checkCancellation()
            var bytes = [UInt8](repeating: 0, count: count)
            var room = bytes.mutableSpan
            guard let got = take(into: &room, from: position) else { return nil }
            if got > 0 { return got == count ? bytes : Array(bytes[..<got]) }
            await ready(at: position)
        }
    }

    /// Returns when that is so, or the task is cancelled.
    func ready(at position: UInt64) async {
        let turn = Turn()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                turn.continuation.withLock { $0 = continuation }
                wait(for: position) { turn.end() }
                if Task.isCancelled { turn.end() }
            }
        } onCancel: {
            turn.end()
        }
    }
}

/// The first of the two ends the wait.
private final class Turn: Sendable {
    let continuation = Mutex<CheckedContinuation<Void, Never>?>(nil)

    func end() { continuation.withLock { $0.take() }?.resume() }
}
