internal import Model
internal import Platform
internal import Synchronization

/// Blocks of blobs of another storage, each in a file of this disk. The least recently used go first. Each block is brought once for
/// all that ask for it at the same time. A restart of the server keeps them; a restart of the machine does not, because nothing
/// is synced.
final class BlockCache: Sendable {
    struct Key: Hashable, Sendable {
        let blob: Digest
        let number: UInt64
    }

    /// A block's bytes: in its file, or in memory if the disk did not take them.
    enum Block: Sendable {
        case file(File)
        case memory([UInt8])
    }

    fileprivate struct Entry {
        let size: UInt64
        var use: UInt64
    }

    fileprivate struct State {
        var entries: [Key: Entry] = [:]
        var coming: Set<Key> = []
        var size: UInt64 = 0
        var uses: UInt64 = 0
    }

    static let blockSize: UInt64 = 1 << 20
    /// So many missing neighbours are brought in one request.
    private static let mostAtOnce: UInt64 = 8

    /// The folder of this server.
    let place: String
    private let folder: String
    private let room: UInt64
    /// Held while the folder is in use.
    private let lock: File
    private let state = Mutex(State())
    private let waiters = Waiters<Key, Block?>()

    /// The first of the folders `place/1`, `place/2` and so on that no other server uses.
    init(in folder: String, room: UInt64) throws(CakeError) {
        var found: (place: String, lock: File)?
        for number in 1...BlockCache.mostServers where found == nil {
            let place = "\(folder)/\(number)"
            try Disk.makeFolders(place)
            let lock = try File(place + "/lock", .readWriteOrCreate)
            if try lock.lock(exclusive: true, waiting: false) { found = (place, lock) }
        }
        guard let found else {
            throw CakeError(.locked, "\(BlockCache.mostServers) servers use the cache in \(Printable.escape(folder))")
        }
        (place, self.folder, lock) = (found.place, found.place + "/blocks", found.lock)
        self.room = room
        try begin()
    }

    private static let mostServers = 64

    private func begin() throws(CakeError) {
        let boot = (try? Disk.readAll("/proc/sys/kernel/random/boot_id", limit: 256)) ?? []
        let mark = place + "/boot"
        if boot.isEmpty || (try? Disk.read(mark, limit: 256)) != boot {
            try Disk.removeTree(folder)
            try Disk.replace(mark, with: boot)
        }
        try Disk.makeFolders(folder)
        var entries: [(key: Key, size: UInt64, time: Int)] = []
        for shard in try Disk.names(in: folder) {
            for name in try Disk.names(in: folder + "/" + shard) {
                let path = folder + "/" + shard + "/" + name
                let words = name.split(separator: "-")
                guard words.count == 2, let blob = Digest(hex: String(words[0])),
                    let number = ByteRange.number(words[1].utf8), let status = try Disk.status(path)
                else {
                    try Disk.remove(path)
                    continue
                }
                entries.append((Key(blob: blob, number: number), status.size, status.modified))
            }
        }
        entries.sort { $0.time < $1.time }
        let gone = state.withLock { state in
            for (key, size, _) in entries { state.add(key, size) }
            return state.evict(down: room)
        }
        remove(gone)
    }

    private func path(_ key: Key) -> String { "\(folder)/\(key.blob.hex.prefix(2))/\(key.blob.hex)-\(key.number)" }

    /// Bytes in the cache.
    var size: UInt64 { state.withLock { $0.size } }

    /// A block that is here; nil if it is not.
    func here(_ number: UInt64, of blob: Digest) -> Block? {
        let key = Key(blob: blob, number: number)
        guard state.withLock({ $0.use(key) }) else { return nil }
        if let file = try? File(path(key), .read) { return .file(file) }
        state.withLock { $0.drop(key) }
        return nil
    }

    /// A block, brought if it is missing; with it its neighbours before `end`, where they are missing, too.
    func block(
        _ number: UInt64, of blob: DistantBlob, before end: UInt64
    ) async throws(CakeError) -> Block {
        let key = Key(blob: blob.digest, number: number)
        while true {
            if let here = here(number, of: blob.digest) { return here }
            var isMine = false
            do {
                let found = try await waiters.wait(for: key) {
                    state.withLock { state in
                        if state.entries[key] != nil { return .success(nil) }
                        guard state.coming.insert(key).inserted else { return nil }
                        isMine = true
                        return .success(nil)
                    }
                }
                if let found { return found }
            } catch let error as CakeError {
                throw error
            } catch { throw CakeError(.failed, "a block was not waited for") }
            if isMine { return try await bring(key, of: blob, before: end) }
        }
    }

    private func bring(_ first: Key, of blob: DistantBlob, before end: UInt64) async throws(CakeError) -> Block {
        var keys = [first]
        state.withLock { state in
            while UInt64(keys.count) < BlockCache.mostAtOnce {
                let next = Key(blob: first.blob, number: first.number + UInt64(keys.count))
                guard next.number < end, state.entries[next] == nil, state.coming.insert(next).inserted else { break }
                keys.append(next)
            }
        }
        let start = first.number * BlockCache.blockSize
        let stop = min(blob.size, start + UInt64(keys.count) * BlockCache.blockSize)
        do throws(CakeError) {
            let bytes = try await blob.read(start..<stop)
            var result = Block.memory([])
            for (place, key) in keys.enumerated() {
                let from = place * Int(BlockCache.blockSize)
                let part = Array(bytes[from..<min(bytes.count, from + Int(BlockCache.blockSize))])
                let block = keep(part, key)
                if place == 0 { result = block }
                waiters.tell(key, .success(block)) { state.withLock { _ = $0.coming.remove(key) } }
            }
            return result
        } catch {
            for key in keys { waiters.tell(key, .failure(error)) { state.withLock { _ = $0.coming.remove(key) } } }
            throw error
        }
    }

    /// A disk that takes nothing makes reading slower, and stops nothing.
    private func keep(_ bytes: [UInt8], _ key: Key) -> Block {
        guard room > 0 else { return .memory(bytes) }
        let path = path(key)
        let new = path + "." + UploadName.random().text
        do throws(CakeError) {
            try Disk.makeFolders(Disk.parent(of: path))
            let file = try File(new, .create)
            try file.write(bytes.span, at: 0)
            try Disk.rename(new, to: path)
            let gone = state.withLock { state in
                state.add(key, UInt64(bytes.count))
                return state.evict(down: room)
            }
            remove(gone)
            return .file(file)
        } catch {
            try? Disk.remove(new)
            return .memory(bytes)
        }
    }

    /// The blocks of a blob whose bytes are wrong.
    func drop(_ blob: Digest) {
        let gone = state.withLock { state in
            let gone = state.entries.keys.filter { $0.blob == blob }
            for key in gone { state.drop(key) }
            return gone
        }
        remove(gone)
    }

    /// Readers have the files open.
    private func remove(_ keys: [Key]) { for key in keys { try? Disk.remove(path(key)) } }
}

extension BlockCache.State {
    fileprivate mutating func use(_ key: BlockCache.Key) -> Bool {
        guard entries[key] != nil else { return false }
        uses += 1
        entries[key]?.use = uses
        return true
    }

    fileprivate mutating func add(_ key: BlockCache.Key, _ count: UInt64) {
        drop(key)
        uses += 1
        entries[key] = BlockCache.Entry(size: count, use: uses)
        size += count
    }

    fileprivate mutating func drop(_ key: BlockCache.Key) {
        if let entry = entries.removeValue(forKey: key) { size -= entry.size }
    }

    /// The oldest, and a tenth of the room more, so that this is not done for each block.
    fileprivate mutating func evict(down room: UInt64) -> [BlockCache.Key] {
        guard size > room else { return [] }
        var gone: [BlockCache.Key] = []
        for (key, _) in entries.sorted(by: { $0.value.use < $1.value.use }) where size > room - room / 10 {
            drop(key)
            gone.append(key)
        }
        return gone
    }
}
