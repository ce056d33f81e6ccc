internal import Model
internal import Platform
internal import Synchronization

/// A blob of another storage, read through the cache of this server.
final class DistantBlob: Sendable {
    let digest: Digest
    let size: UInt64
    let cache: BlockCache
    private let key: String
    private let values: DistantValues
    private let body = Mutex<StorageBody?>(nil)

    init(_ digest: Digest, size: UInt64, at key: String, in values: DistantValues, through cache: BlockCache) {
        (self.digest, self.size, self.key, self.values, self.cache) = (digest, size, key, values, cache)
    }

    /// From the storage.
    func read(_ range: Range<UInt64>) async throws(CakeError) -> [UInt8] {
        if let known = body.withLock({ $0 }) {
            do throws(CakeError) {
                return try await check(known.bytes(range), range)
            } catch {
                // It may have been pushed again meanwhile.
                if error.isOfNetwork { throw error }
            }
        }
        guard let found = try await values.body(at: key), found.size == size else {
            throw CakeError(.notFound, "blob \(digest.short) is not in the storage any more")
        }
        body.withLock { $0 = found }
        return try await check(found.bytes(range), range)
    }

    private func check(_ bytes: [UInt8], _ range: Range<UInt64>) throws(CakeError) -> [UInt8] {
        guard UInt64(bytes.count) == range.upperBound - range.lowerBound else {
            throw CakeError(.damaged, "the storage gave \(bytes.count) bytes of blob \(digest.short), not all of them")
        }
        return bytes
    }

    /// For code that reads files. The reading thread waits.
    var file: File {
        File(called: "blob \(digest.short)") { [self] room, offset throws(CakeError) in
            try read(into: &room, at: offset)
        }
    }

    private func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(CakeError) -> Int {
        guard offset < size else { return 0 }
        let count = Int(min(UInt64(room.count), size - offset))
        let end = (offset + UInt64(count) + BlockCache.blockSize - 1) / BlockCache.blockSize
        var done = 0
        while done < count {
            let place = offset + UInt64(done)
            let number = place / BlockCache.blockSize
            let block: BlockCache.Block
            if let here = cache.here(number, of: digest) {
                block = here
            } else {
                block = try waiting { [self] () throws(CakeError) in
                    try await cache.block(number, of: self, before: end)
                }
            }
            var part = room._mutatingExtracting(done..<count)
            let got = try block.copy(from: place % BlockCache.blockSize, into: &part)
            guard got > 0 else { throw CakeError(.damaged, "a block of blob \(digest.short) is too short") }
            done += got
        }
        return done
    }

    /// First bytes of objects, in the order of their places. Near ones are read together, and none is kept.
    func heads(of ranges: [Range<UInt64>]) throws(CakeError) -> [[UInt8]] {
        var windows: [Range<UInt64>] = []
        var places: [(window: Int, range: Range<UInt64>)] = []
        for range in ranges {
            guard range.lowerBound <= range.upperBound, range.upperBound <= size else {
                places.append((-1, range))
                continue
            }
            if let last = windows.last, last.lowerBound <= range.lowerBound,
                range.upperBound - last.lowerBound <= DistantBlob.window
            {
                windows[windows.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                windows.append(range)
            }
            places.append((windows.count - 1, range))
        }
        let wanted = windows
        let read = try waiting { [self] () throws(CakeError) in
            try await DistantValues.each(wanted) { [self] range throws(CakeError) in try await self.read(range) }
        }
        return places.map { place in
            guard place.window >= 0 else { return [] }
            let start = windows[place.window].lowerBound
            return Array(read[place.window][Int(place.range.lowerBound - start)..<Int(place.range.upperBound - start)])
        }
    }

    private static let window: UInt64 = 256 << 10

    /// All of it, compared with its digest. Nil if it differs: then the next reader gets it from the storage again.
    func proved() throws(CakeError) -> [UInt8]? {
        let bytes = try file.bytes(at: 0, count: Int(size))
        if SHA256.digest(of: bytes.span) == digest { return bytes }
        cache.drop(digest)
        return nil
    }
}

extension BlockCache.Block {
    /// Copies bytes from `offset` on, and returns their number: up to the end of the block.
    func copy(from offset: UInt64, into room: inout MutableSpan<UInt8>) throws(CakeError) -> Int {
        switch self {
        case .file(let file): return try file.read(into: &room, at: offset)
        case .memory(let bytes):
            guard offset < UInt64(bytes.count) else { return 0 }
            let count = min(room.count, bytes.count - Int(offset))
            for index in 0..<count { room[index] = bytes[Int(offset) + index] }
            return count
        }
    }
}
