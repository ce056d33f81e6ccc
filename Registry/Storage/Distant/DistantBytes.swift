internal import Model
internal import Platform
internal import Synchronization

/// A range of a blob of another storage, brought through the cache while it is sent.
public final class DistantBytes: Sendable {
    private struct State: ~Copyable {
        var block: (number: UInt64, bytes: BlockCache.Block)?
        /// Of the bytes that were taken, if all of them have to match the digest.
        var hash: SHA256?
        /// The last bytes, once all of them match.
        var tail: [UInt8]?
        var isFailed = false
    }

    private let blob: DistantBlob
    private let range: Range<UInt64>
    private let tail: UInt64
    private let state: Mutex<State>
    /// Not part of a task: a client waits for it.
    private let work: BackgroundWork

    init(_ range: Range<UInt64>, of blob: DistantBlob, on pool: BlockingPool) {
        (self.range, self.blob) = (range, blob)
        let isWhole = range == 0..<blob.size
        state = Mutex(State(hash: isWhole ? SHA256() : nil))
        tail = isWhole ? HeldTail.start(in: blob.size) : range.upperBound
        work = BackgroundWork("blocks for a client", on: pool)
    }

    public var count: UInt64 { range.upperBound - range.lowerBound }

    /// Copies ready bytes from a position of the range on into the room; 0 if there are none yet, nil if they cannot be read.
    /// Never waits for the storage.
    public func take(into room: inout MutableSpan<UInt8>, from position: UInt64) -> Int? {
        let place = range.lowerBound + position
        return state.withLock { state -> Int? in
            if state.isFailed { return nil }
            if place >= tail {
                guard let bytes = state.tail else { return 0 }
                let start = Int(place - tail)
                let count = min(room.count, bytes.count - start)
                for index in 0..<count { room[index] = bytes[start + index] }
                return count
            }
            let number = place / BlockCache.blockSize
            if state.block?.number != number {
                state.block = blob.cache.here(number, of: blob.digest).map { (number, $0) }
            }
            guard let block = state.block?.bytes else { return 0 }
            var part = room._mutatingExtracting(0..<Int(min(UInt64(room.count), tail - place)))
            guard let count = try? block.copy(from: place % BlockCache.blockSize, into: &part), count > 0 else {
                return nil
            }
            if state.hash != nil { state.hash?.update(part.span.extracting(0..<count)) }
            return count
        }
    }

    /// Calls back once, when there are bytes at that position, or never will be.
    public func wait(for position: UInt64, _ then: @escaping @Sendable () -> Void) {
        let place = range.lowerBound + position
        work.start { [self] in
            do throws(CakeError) {
                if place >= tail { try await proveTail() } else { try await bring(place) }
            } catch { state.withLock { $0.isFailed = true } }
            then()
        }
    }

    private func bring(_ place: UInt64) async throws(CakeError) {
        let number = place / BlockCache.blockSize
        let block = try await blob.cache.block(number, of: blob, before: blocks(upTo: range.upperBound))
        state.withLock { $0.block = (number, block) }
    }

    private func blocks(upTo end: UInt64) -> UInt64 { (end + BlockCache.blockSize - 1) / BlockCache.blockSize }

    /// The last bytes leave when all of them match the digest.
    private func proveTail() async throws(CakeError) {
        var bytes: [UInt8] = []
        while tail + UInt64(bytes.count) < blob.size {
            let place = tail + UInt64(bytes.count)
            let block = try await blob.cache.block(
                place / BlockCache.blockSize, of: blob, before: blocks(upTo: blob.size))
            bytes += try block.bytes(from: place % BlockCache.blockSize)
        }
        let found = state.withLock { state -> Digest? in
            state.hash?.update(bytes.span)
            return state.hash.take()?.finish()
        }
        guard found == blob.digest else {
            blob.cache.drop(blob.digest)
            throw CakeError(.damaged, "blob \(blob.digest.short) does not match its digest")
        }
        state.withLock { $0.tail = bytes }
    }
}

extension BlockCache.Block {
    /// All bytes from `offset` on.
    fileprivate func bytes(from offset: UInt64) throws(CakeError) -> [UInt8] {
        switch self {
        case .memory(let bytes): return Array(bytes[Int(min(offset, UInt64(bytes.count)))...])
        case .file(let file):
            let size = try file.size()
            guard offset < size else { throw CakeError(.damaged, "a block is too short") }
            return try file.bytes(at: offset, count: Int(size - offset))
        }
    }
}
