internal import Glibc
internal import Synchronization

/// A fixed run of memory that is filled, passed on and used again. One owner at a time; passing it on is the
/// synchronisation.
@safe public final class Chunk: @unchecked Sendable {
    public let capacity: Int
    /// How many bytes from the start are of use.
    public var count = 0
    private let base: UnsafeMutablePointer<UInt8>
    private let isOwned: Bool

    public init(capacity: Int) {
        self.capacity = capacity
        isOwned = true
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: max(capacity, 1), alignment: 4096)
            .bindMemory(to: UInt8.self, capacity: max(capacity, 1))
    }

    /// Memory of someone else, which outlives the chunk. It may begin anywhere: `withWords` must not be called on it.
    @unsafe init(borrowing start: UnsafeMutableRawPointer, capacity: Int) {
        self.capacity = capacity
        isOwned = false
        unsafe base = start.bindMemory(to: UInt8.self, capacity: capacity)
    }

    public convenience init(copying bytes: Span<UInt8>) {
        self.init(capacity: bytes.count)
        copy(bytes)
    }

    /// Takes on a copy of bytes that fit.
    public func copy(_ bytes: Span<UInt8>) {
        precondition(bytes.count <= capacity)
        count = bytes.count
        unsafe bytes.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { unsafe base.update(from: start, count: source.count) }
        }
    }

    /// Appends as many of these bytes as fit; returns how many.
    @discardableResult
    public func append(_ bytes: Span<UInt8>) -> Int {
        let taken = min(capacity - count, bytes.count)
        unsafe bytes.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { unsafe (base + count).update(from: start, count: taken) }
        }
        count += taken
        return taken
    }

    /// Copies its bytes from `offset` on into the room, as many as fit; returns how many.
    public func copy(from offset: Int, into room: inout MutableSpan<UInt8>) -> Int {
        let count = min(count - offset, room.count)
        guard offset >= 0, count > 0 else { return 0 }
        unsafe room.withUnsafeMutableBufferPointer { target in
            if let start = target.baseAddress { unsafe start.update(from: base + offset, count: count) }
        }
        return count
    }

    /// Where a byte of the chunk is, as long as the chunk lives and is not filled again.
    @unsafe public func address(of place: Int) -> UnsafeRawPointer {
        precondition(place >= 0 && place <= count)
        return unsafe UnsafeRawPointer(base + place)
    }

    public func withBytes<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let bytes = unsafe Span(_unsafeStart: base, count: count)
        return try body(bytes)
    }

    /// The bytes as little-endian words, the order of this machine. Bytes of an incomplete word at the end are left
    /// out.
    public func withWords<Word: FixedWidthInteger & BitwiseCopyable, Result, Failure: Error>(
        _ type: Word.Type, _ body: (Span<Word>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(isOwned)
        // Such a chunk begins at a page, so every word is aligned; bytes of any kind are words of any kind.
        let start = unsafe UnsafeRawPointer(base).assumingMemoryBound(to: Word.self)
        let words = unsafe Span(_unsafeStart: start, count: count / MemoryLayout<Word>.size)
        return try body(words)
    }

    /// All of the chunk's room. `body` sets `count` to the number of bytes that it filled.
    public func withRoom<Result, Failure: Error>(
        _ body: (inout MutableSpan<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var room = unsafe MutableSpan(_unsafeStart: base, count: capacity)
        return try body(&room)
    }

    /// Claims so many bytes, and has `body` fill them.
    public func fill<Failure: Error>(
        _ count: Int, _ body: (inout MutableSpan<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(count <= capacity)
        self.count = count
        var room = unsafe MutableSpan(_unsafeStart: base, count: count)
        try body(&room)
    }

    /// Whether the chunk's bytes are these.
    public func holds(_ bytes: Span<UInt8>) -> Bool { bytes.count == count && holds(bytes, at: 0) }

    /// Whether these bytes are among the chunk's, from `place` on.
    public func holds(_ bytes: Span<UInt8>, at place: Int) -> Bool {
        guard place >= 0, place <= count, bytes.count <= count - place else { return false }
        return unsafe bytes.withUnsafeBufferPointer { other in
            guard let start = other.baseAddress else { return true }
            return unsafe memcmp(base + place, start, other.count) == 0
        }
    }

    deinit { if isOwned { unsafe base.deallocate() } }
}

/// Chunks that wait to be used again, since fresh memory costs the kernel more than the bytes cost to copy.
public final class ChunkPool: Sendable {
    private let waiting = Mutex<[Chunk]>([])
    private let capacity: Int

    public init(chunkCapacity: Int) { capacity = chunkCapacity }

    public func take() -> Chunk {
        waiting.withLock { $0.popLast() } ?? Chunk(capacity: capacity)
    }

    public func giveBack(_ chunk: Chunk) {
        chunk.count = 0
        waiting.withLock { $0.append(chunk) }
    }
}
