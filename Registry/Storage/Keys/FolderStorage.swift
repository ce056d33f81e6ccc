public import Model
internal import Platform
internal import Store

/// A folder on this disk: a value is a file, a key its path. Many processes may have the same folder open. Files are
/// written aside, synced, renamed into their place, and the folder is synced.
public struct FolderStorage: KeyedStorage {
    /// The state of a file.
    public struct Version: Equatable, Sendable {
        let status: Disk.Status

        public static func == (left: Version, right: Version) -> Bool { left.status.isUnchanged(since: right.status) }
    }

    private let root: String
    private let aside: String
    private let lock: String
    private let secrets: Set<String>

    /// `aside` is a folder on the same disk. The file `lock` is held alone while a condition is checked and the value
    /// then put; each other change holds it shared. Values of `secrets` are readable only by the owner of the process.
    public init(in root: String, aside: String, lock: String, secrets: Set<String> = []) {
        (self.root, self.aside, self.lock, self.secrets) = (root, aside, lock, secrets)
    }

    /// The path of a value, for operations that only files allow.
    func path(of key: String) -> String { root + "/" + key }

    /// The same of a path that the caller keeps: of a value that is looked at for each request.
    func version(at path: String) throws(CakeError) -> Version? {
        guard let status = try Disk.status(path), status.kind == .file else { return nil }
        return Version(status: status)
    }

    public func look(at key: String) throws(CakeError) -> StorageEntry<Version>? {
        guard let status = try Disk.status(path(of: key)), status.kind == .file else { return nil }
        return StorageEntry(size: status.size, time: status.modified, version: Version(status: status))
    }

    public func read(_ key: String) throws(CakeError) -> (entry: StorageEntry<Version>, body: StorageBody)? {
        do {
            let file = try File(path(of: key), .read)
            let status = try file.status()
            guard status.kind == .file else { return nil }
            let entry = StorageEntry(size: status.size, time: status.modified, version: Version(status: status))
            return (entry, StorageBody(file, size: status.size))
        } catch let error where error.kind == .notFound { return nil }
    }

    /// A small value, whole; refused when it is larger than `limit`.
    func bytes(at key: String, limit: Int) throws(CakeError) -> [UInt8]? {
        do {
            return try Disk.read(path(of: key), limit: limit)
        } catch let error where error.kind == .notFound { return nil }
    }

    public func names(in folder: String) throws(CakeError) -> [String] {
        do {
            return try Disk.names(in: path(of: folder))
        } catch let error where error.kind == .notFound { return [] }
    }

    @discardableResult
    public func put(
        _ body: StorageBody, at key: String, if condition: StorageCondition<Version> = .always
    ) throws(CakeError) -> Bool {
        try put(key, if: condition, write(body, isSecret: secrets.contains(key)))
    }

    /// The same of bytes from any place.
    public func put(
        _ body: StorageBody, at key: String, if condition: StorageCondition<Version>
    ) async throws(CakeError) -> Bool {
        guard body.isElsewhere else {
            return try put(key, if: condition, write(body, isSecret: secrets.contains(key)))
        }
        return try put(key, if: condition, await bring(body, isSecret: secrets.contains(key)))
    }

    /// Renames a synced file into its place.
    private func put(
        _ key: String, if condition: StorageCondition<Version>, _ new: (path: String, isGiven: Bool)
    ) throws(CakeError) -> Bool {
        let path = path(of: key)
        do throws(CakeError) {
            try makeFolder(Disk.parent(of: path))
            let isPut = try locked(alone: condition != .always) { () throws(CakeError) in
                if condition != .always, try !condition.allows(look(at: key)?.version) { return false }
                try Disk.rename(new.path, to: path)
                try Disk.syncFolder(Disk.parent(of: path))
                return true
            }
            if !isPut, !new.isGiven { try Disk.remove(new.path) }
            return isPut
        } catch {
            if !new.isGiven { try? Disk.remove(new.path) }
            throw error
        }
    }

    /// A synced file with the body's bytes, that may be renamed.
    private func write(_ body: StorageBody, isSecret: Bool) throws(CakeError) -> (path: String, isGiven: Bool) {
        if case .file(let file, _, isGiven: true) = body.place { return (file.path, true) }
        let new = try create(isSecret: isSecret)
        do throws(CakeError) {
            switch body.place {
            case .memory(let bytes): try new.write(bytes.span, at: 0)
            case .file(let file, let start, _):
                try PlainBytes(file: file, start: start, count: body.size)
                    .forEachChunk(through: Chunk(capacity: 1 << 20)) { offset, bytes throws(CakeError) in
                        try new.write(bytes, at: offset)
                    }
            case .remote, .objects: throw CakeError(.failed, "the bytes are elsewhere")
            }
            try new.sync()
            return (new.path, false)
        } catch {
            try? Disk.remove(new.path)
            throw error
        }
    }

    /// The same of bytes that come from a server.
    private func bring(_ body: StorageBody, isSecret: Bool) async throws(CakeError) -> (path: String, isGiven: Bool) {
        let new = try create(isSecret: isSecret)
        do throws(CakeError) {
            let chunk = Chunk(capacity: 1 << 20)
            var offset: UInt64 = 0
            while offset < body.size {
                let end = offset + min(UInt64(chunk.capacity), body.size - offset)
                try await body.fill(chunk, with: offset..<end)
                try chunk.withBytes { bytes throws(CakeError) in try new.write(bytes, at: offset) }
                offset = end
            }
            try new.sync()
            return (new.path, false)
        } catch {
            try? Disk.remove(new.path)
            throw error
        }
    }

    private func create(isSecret: Bool) throws(CakeError) -> File {
        try File(aside + "/" + UploadName.random().text, isSecret ? .createPrivate : .create)
    }

    @discardableResult
    public func remove(_ key: String, ifUnchanged version: Version? = nil) throws(CakeError) -> Bool {
        try locked(alone: version != nil) { () throws(CakeError) in
            guard let found = try look(at: key), version == nil || found.version == version else { return false }
            try Disk.remove(path(of: key))
            try Disk.syncFolder(Disk.parent(of: path(of: key)))
            return true
        }
    }

    public func mark(_ keys: [String]) throws(CakeError) {
        var changed: Set<String> = []
        for key in keys {
            let path = path(of: key)
            if try Disk.exists(path) {
                try Disk.touch(path)
                continue
            }
            let folder = Disk.parent(of: path)
            if !changed.contains(folder) { try makeFolder(folder) }
            _ = try File(path, .readWriteOrCreate)
            changed.insert(folder)
        }
        for folder in changed.sorted() { try Disk.syncFolder(folder) }
    }

    private func makeFolder(_ folder: String) throws(CakeError) {
        if try !Disk.exists(folder) { try Disk.makeFolders(folder) }
    }

    private func locked<Result>(alone: Bool, _ body: () throws(CakeError) -> Result) throws(CakeError) -> Result {
        let file = try File(lock, .readWriteOrCreate)
        _ = try file.lock(exclusive: alone, waiting: true)
        defer { file.unlock() }
        return try body()
    }
}
