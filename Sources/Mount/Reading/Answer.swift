internal import Model
package import Platform
internal import Store
internal import Synchronization

/// What a read gets: long runs of a piece where they are, and copies of the rest.
package final class Answer: Sendable {
    package struct Run: Sendable {
        package let chunk: Chunk
        package fileprivate(set) var range: Range<Int>
        /// Keeps the chunk of a piece.
        fileprivate let piece: HeldPiece?
    }

    private struct State {
        var runs: [Run] = []
        var count = 0
        var copies: Chunk?
    }

    /// How many bytes it will have.
    let size: Int
    private let chunks: ChunkPool
    private let state = Mutex(State())

    /// A shorter run is copied: an answer that waits for its next piece holds few others.
    private static let shortestLent = 256 << 10

    init(of size: Int, chunks: ChunkPool) { (self.size, self.chunks) = (size, chunks) }

    /// How far the read has come.
    var count: Int { state.withLock { $0.count } }

    /// In order.
    package var runs: [Run] { state.withLock { $0.runs } }

    /// Appends bytes as far as they are wanted.
    func append(_ bytes: Span<UInt8>) {
        copy(atMost: bytes.count) { copies, count in copies.append(bytes.extracting(0..<count)) }
    }

    func append(zeros count: Int) {
        copy(atMost: count) { copies, count in
            let done = copies.count
            copies.withRoom { room in for index in done..<done + count { room[index] = 0 } }
            copies.count = done + count
        }
    }

    /// Appends a piece's bytes from an offset on, as far as they are wanted; returns how many.
    func append(_ piece: HeldPiece, from offset: Int) -> Int {
        let count = min(piece.chunk.count - offset, size - self.count)
        guard count > 0 else { return 0 }
        if count < Answer.shortestLent {
            piece.chunk.withBytes { append($0.extracting(offset..<offset + count)) }
        } else {
            state.withLock { state in
                state.runs.append(Run(chunk: piece.chunk, range: offset..<offset + count, piece: piece))
                state.count += count
            }
        }
        return count
    }

    /// Appends bytes of a file as far as they are wanted; returns how many there were.
    func append(_ file: File, at place: UInt64, atMost count: Int) throws(CakeError) -> Int {
        var taken = Result<Int, CakeError>.success(0)
        copy(atMost: count) { copies, count in
            let done = copies.count
            taken = copies.withRoom { room in
                var part = room._mutatingExtracting(done..<done + count)
                return Result { () throws(CakeError) in try file.read(into: &part, at: place) }
            }
            copies.count = done + ((try? taken.get()) ?? 0)
        }
        return try taken.get()
    }

    private func copy(atMost count: Int, _ body: (Chunk, Int) -> Void) {
        state.withLock { state in
            let most = min(count, size - state.count)
            guard most > 0 else { return }
            let copies = state.copies ?? (size <= OpenFiles.largestRead ? chunks.take() : Chunk(capacity: size))
            state.copies = copies
            let start = copies.count
            body(copies, most)
            let end = copies.count
            state.count += end - start
            if let last = state.runs.indices.last, state.runs[last].chunk === copies {
                state.runs[last].range = state.runs[last].range.lowerBound..<end
            } else if end > start {
                state.runs.append(Run(chunk: copies, range: start..<end, piece: nil))
            }
        }
    }

    deinit {
        state.withLock { state in
            if let copies = state.copies, copies.capacity == OpenFiles.largestRead { chunks.giveBack(copies) }
        }
    }
}
