internal import Model
internal import Platform
internal import Synchronization

/// Decoded pieces of layers for whoever sends them: made ahead on the store's threads, kept while there is room. Nobody
/// holds one for longer than it takes to copy from it, so clients that read slowly take no memory.
public final class PieceCache: Sendable {
    struct Key: Hashable {
        let layer: Layer
        let index: Int
        /// Where its object is said to lie: what one index leads to is nobody else's, for a stranger may have made it.
        let source: Digest?
    }

    fileprivate struct Kept {
        let chunk: Chunk
        var lastUse: UInt64
        /// Copies that are being made of it.
        var users = 0
    }

    fileprivate struct Coming {
        let reader: LayerReader
        var waiting: [Waiter<Void>] = []
        var hasBegun = false
    }

    fileprivate struct State {
        var kept: [Key: Kept] = [:]
        var coming: [Key: Coming] = [:]
        /// What somebody waits for, and what will be wanted next; may name what was begun meanwhile.
        var urgent: [Key] = []
        var later: [Key] = []
        var workers = 0
        var uses: UInt64 = 0
        var readers = 0
    }

    public let store: LocalStore
    public let reader: LayerReader
    private let room: Int
    private let atOnce = BlockingPool.processors + 1
    private let state = Mutex(State())

    /// Keeps so many pieces of 1 MiB.
    public init(_ store: LocalStore, pieces: Int = 96) {
        self.store = store
        reader = LayerReader(store)
        room = max(pieces, 2)
    }

    func add(readers count: Int) { state.withLock { $0.readers += count } }

    /// How many pieces ahead of its own each reader may have made, so that all of them find room.
    private func ahead(_ state: borrowing State) -> Int {
        max(1, min(2 * atOnce, room / (2 * max(1, state.readers))))
    }

    /// Copies from a piece what it has behind `offset`; nil when it is not here.
    func copy(_ key: Key, from offset: Int, into room: inout MutableSpan<UInt8>) -> Int? {
        let chunk = state.withLock { state -> Chunk? in
            state.uses += 1
            state.kept[key]?.lastUse = state.uses
            state.kept[key]?.users += 1
            return state.kept[key]?.chunk
        }
        guard let chunk else { return nil }
        let count = chunk.copy(from: offset, into: &room)
        state.withLock { $0.kept[key]?.users -= 1 }
        return count
    }

    /// Has the next pieces made, as many as there is room for.
    func expect(by reader: LayerReader, _ next: (Int) -> Key?) {
        let count = state.withLock { state -> Int in
            var count = 0
            for place in 0..<ahead(state) {
                guard let key = next(place) else { break }
                if state.kept[key] != nil || state.coming[key] != nil { continue }
                state.coming[key] = Coming(reader: reader)
                state.later.append(key)
                count += 1
            }
            return count
        }
        startWorkers(count)
    }

    /// Calls back when a piece is here, or cannot be read: at once, or from a thread of the store's.
    func wait(for key: Key, by reader: LayerReader, _ then: @escaping @Sendable (Result<Void, any Error>) -> Void) {
        let isHere = state.withLock { state -> Bool in
            if state.kept[key] != nil { return true }
            state.coming[key, default: Coming(reader: reader)].waiting.append(Waiter(then))
            if state.coming[key]?.hasBegun == false { state.urgent.append(key) }
            return false
        }
        if isHere { then(.success(())) } else { startWorkers(1) }
    }

    /// For so many pieces more; those at work take what is left.
    private func startWorkers(_ count: Int) {
        let new = state.withLock { state -> Int in
            let new = max(0, min(count, atOnce - state.workers))
            state.workers += new
            return new
        }
        for _ in 0..<new {
            // Not part of any task: who waits for it is a client.
            Task(executorPreference: store.pool) {
                while let (key, reader) = self.next() { self.make(key, by: reader) }
            }
        }
    }

    private func next() -> (Key, LayerReader)? {
        state.withLock { state in
            while let key = state.urgent.popFirstKey() ?? state.later.popFirstKey() {
                guard let coming = state.coming[key], !coming.hasBegun else { continue }
                state.coming[key]?.hasBegun = true
                return (key, coming.reader)
            }
            state.workers -= 1
            return nil
        }
    }

    private func make(_ key: Key, by reader: LayerReader) {
        let made = Result<Chunk, any Error> { try reader.piece(key.index, of: key.layer) }
        let (waiting, old) = state.withLock { state -> ([Waiter<Void>], [Chunk]) in
            let waiting = state.coming.removeValue(forKey: key)?.waiting ?? []
            guard case .success(let made) = made else { return (waiting, []) }
            state.uses += 1
            state.kept[key] = Kept(chunk: made, lastUse: state.uses)
            return (waiting, state.evict(to: room))
        }
        for chunk in old { reader.giveBack(chunk) }
        for waiter in waiting { waiter.tell(made.map { _ in }) }
    }
}

extension PieceCache.State {
    /// The ones that nobody used for longest.
    fileprivate mutating func evict(to room: Int) -> [Chunk] {
        var old: [Chunk] = []
        while kept.count > room {
            guard let oldest = kept.filter({ $0.value.users == 0 }).min(by: { $0.value.lastUse < $1.value.lastUse })
            else { break }
            old.append(oldest.value.chunk)
            kept[oldest.key] = nil
        }
        return old
    }
}

extension [PieceCache.Key] {
    fileprivate mutating func popFirstKey() -> PieceCache.Key? { isEmpty ? nil : removeFirst() }
}
