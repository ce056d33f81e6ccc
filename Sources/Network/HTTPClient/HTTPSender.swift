internal import Model
public import Platform
internal import Synchronization

/// Hands a request's body on, piece by piece, while the request goes. A server that is slow slows the hand.
public struct HTTPSender: Sendable {
    let transfer: HTTPTransfer
    let pool: ChunkPool

    /// Thrown when the server takes no more: the answer is there, or the connection is gone.
    struct Ended: Error {}

    /// An empty chunk to fill.
    public func take() -> Chunk { pool.take() }

    /// Returns when there is room for more. The chunk no longer belongs to the caller.
    public func send(_ chunk: Chunk) async throws { try await transfer.send(chunk) }
}

/// A body on its way out: filled by a task, emptied by the loop's thread.
final class Outgoing: Sendable {
    private struct State {
        var chunks: [Chunk] = []
        /// How much of the first is gone.
        var start = 0
        var waiting = 0
        /// Announced bytes that were not passed on yet.
        var missing: UInt64
        var isStarved = false
        var hasEnded = false
        var waiter: Waiter<Void>?
    }

    let length: UInt64
    private let limit: Int
    private let pool: ChunkPool
    private let state: Mutex<State>

    init(length: UInt64, limit: Int, pool: ChunkPool) {
        self.length = length
        self.limit = limit
        self.pool = pool
        state = Mutex(State(missing: length))
    }

    /// The sender holds the request back.
    var isStarved: Bool { state.withLock { $0.isStarved } }

    var missing: UInt64 { state.withLock { $0.missing } }

    /// Whether the loop has to be woken.
    func put(_ chunk: Chunk) throws -> Bool {
        try state.withLock { state in
            guard !state.hasEnded else { throw HTTPSender.Ended() }
            guard UInt64(chunk.count) <= state.missing else {
                throw CakeError(.failed, "a body is longer than its \(length) bytes")
            }
            state.missing -= UInt64(chunk.count)
            state.chunks.append(chunk)
            state.waiting += chunk.count
            defer { state.isStarved = false }
            return state.isStarved
        }
    }

    func waitForRoom() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready: Result<Void, any Error>? = state.withLock { state in
                    if state.hasEnded { return .failure(HTTPSender.Ended()) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.waiting <= limit { return .success(()) }
                    state.waiter = Waiter(continuation)
                    return nil
                }
                if let ready { continuation.resume(with: ready) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiter.take() }
            waiter?.tell(.failure(CancellationError()))
        }
    }

    // Called by the loop's thread.

    /// Fills as much of the room as it can; nil if there is nothing yet, and more will come.
    func fill(_ room: inout MutableSpan<UInt8>) -> Int? {
        var done = 0
        let (waiter, isStarved) = state.withLock { state in
            while done < room.count, let first = state.chunks.first {
                let count = min(room.count - done, first.count - state.start)
                first.withBytes { room.copy($0.extracting(state.start..<state.start + count), at: done) }
                done += count
                state.start += count
                state.waiting -= count
                guard state.start == first.count else { break }
                pool.giveBack(state.chunks.removeFirst())
                state.start = 0
            }
            state.isStarved = done == 0 && state.missing > 0
            return (state.waiting <= limit / 2 ? state.waiter.take() : nil, state.isStarved)
        }
        waiter?.tell(.success(()))
        return isStarved ? nil : done
    }

    func end() {
        let waiter = state.withLock { state in
            state.hasEnded = true
            return state.waiter.take()
        }
        waiter?.tell(.failure(HTTPSender.Ended()))
    }
}
