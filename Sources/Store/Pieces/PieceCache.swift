internal import Model
internal import Platform
internal import Synchronization

/// Decoded pieces of layers for code that sends them: made ahead on the store's threads, kept while there is room. A
/// piece is held only while it is copied: slow clients take no memory.
public final class PieceCache: Sendable {
    struct Key: Hashable {
        let piece: PieceReader.Piece
        /// The index that leads to its object: another index never shares it, because a stranger may have made this
        /// one.
        let source: Digest?
    }

    private struct Coming {
        let reader: LayerReader
        var hasBegun = false
    }

    private struct State {
        var coming: [Key: Coming] = [:]
        /// Pieces that a reader waits for, and those needed next; may contain some that were begun meanwhile.
        var urgent = Queue<Key>()
        var later = Queue<Key>()
        var workers = 0
        var readers = 0
    }

    public let store: LocalStore
    public let reader: LayerReader
    private let room: Int
    private let kept: BoundedCache<Key, HeldPiece>
    private let atOnce = BlockingPool.processors + 1
    private let state = Mutex(State())
    private let waiters = Waiters<Key, Void>()
    /// Not part of any task: a client waits for it.
    private let workers: BackgroundWork

    /// Keeps so many pieces of 1 MiB.
    public init(_ store: LocalStore, pieces: Int = 96) {
        self.store = store
        reader = LayerReader(store)
        workers = BackgroundWork("pieces read ahead", on: store.pool)
        room = max(pieces, 2)
        kept = BoundedCache(room: room)
    }

    package func add(readers count: Int) { state.withLock { $0.readers += count } }

    /// How many pieces ahead of its own each reader may request: all of them must find room.
    private func ahead(_ state: borrowing State, upTo count: Int) -> Int {
        max(1, min(count, room / (2 * max(1, state.readers))))
    }

    package func room(upTo count: Int) -> Int { state.withLock { ahead($0, upTo: count) } }

    func piece(_ key: Key) -> HeldPiece? { kept[key] }

    func drop(_ key: Key) { kept[key] = nil }

    /// Copies the bytes of a piece after `offset`; nil if it is not here.
    func copy(_ key: Key, from offset: Int, into room: inout MutableSpan<UInt8>) -> Int? {
        guard let piece = kept[key] else { return nil }
        return withExtendedLifetime(piece) { piece.chunk.copy(from: offset, into: &room) }
    }

    /// Requests the next pieces, as many as there is room for.
    func expect(by reader: LayerReader, upTo most: Int? = nil, _ next: (Int) -> Key?) {
        let count = state.withLock { state -> Int in
            var count = 0
            for place in 0..<ahead(state, upTo: most ?? 2 * atOnce) {
                guard let key = next(place) else { break }
                if state.coming[key] != nil || kept.has(key) { continue }
                state.coming[key] = Coming(reader: reader)
                state.later.append(key)
                count += 1
            }
            return count
        }
        startWorkers(count)
    }

    /// Calls back when a piece is here, or cannot be read: at once, or on a thread of the store.
    func wait(for key: Key, by reader: LayerReader, _ then: @escaping @Sendable (Result<Void, any Error>) -> Void) {
        let isHere = waiters.call(then, for: key) {
            state.withLock { state in
                if kept.has(key) { return .success(()) }
                let coming = state.coming[key] ?? Coming(reader: reader)
                state.coming[key] = coming
                if !coming.hasBegun { state.urgent.append(key) }
                return nil
            }
        }
        if !isHere { startWorkers(1) }
    }

    /// For this many more pieces; running workers take the rest.
    private func startWorkers(_ count: Int) {
        let new = state.withLock { state -> Int in
            let new = max(0, min(count, atOnce - state.workers))
            state.workers += new
            return new
        }
        for _ in 0..<new {
            workers.start {
                while let (key, reader) = self.next() { self.make(key, by: reader) }
            }
        }
    }

    private func next() -> (Key, LayerReader)? {
        state.withLock { state in
            while let key = state.urgent.popFirst() ?? state.later.popFirst() {
                guard let coming = state.coming[key], !coming.hasBegun else { continue }
                state.coming[key]?.hasBegun = true
                return (key, coming.reader)
            }
            state.workers -= 1
            return nil
        }
    }

    private func make(_ key: Key, by reader: LayerReader) {
        let made = Result<HeldPiece, any Error> { try HeldPiece(key.piece, by: reader) }
        if case .success(let piece) = made { kept[key] = piece }
        waiters.tell(key, made.map { _ in }) { state.withLock { $0.coming[key] = nil } }
    }
}
