public import Model
public import Platform
internal import Synchronization

/// Where the bytes of one remote file wait until they are whole: `incoming/<key>/<first byte>`, plain and in order. The
/// length of a part is how far it came; there is no journal. One process at a time has the folder.
///
/// A part is open only while it is written or read: a large model has more of them than a process may have files.
public final class Parts: Sendable {
    private let folder: String
    private let lock: Mutex<File?>
    private let parts: Mutex<[Part]>

    /// After a power cut only whole steps of a part are sure to be on the disk: it was synced at the end of each.
    static let syncStep: UInt64 = 64 << 20

    /// How often a waiting task checks whether the folder is free. A wait in the kernel could not be cancelled.
    private static let patience = Duration.milliseconds(50)

    /// Takes the folder, and waits while another process has it. Parts of an earlier run count as far as they can be
    /// trusted. `note` is kept beside them.
    public static func take(
        _ store: LocalStore, key: Digest, for note: PullNote? = nil, waiting: () -> Void
    ) async throws -> Parts {
        var hasWaited = false
        while true {
            if let parts = try takeIfFree(store, key: key, for: note) { return parts }
            if !hasWaited { waiting() }
            hasWaited = true
            try await Task.sleep(for: patience)
        }
    }

    /// The same without a wait: nil while another process has the folder.
    public static func takeIfFree(
        _ store: LocalStore, key: Digest, for note: PullNote? = nil
    ) throws(CakeError) -> Parts? {
        let folder = store.layout.incoming + "/" + key.hex
        while true {
            switch try Parts.lock(folder) {
            case .mine(let lock):
                let parts = try Parts(folder, lock)
                if let note { try parts.keep(note) }
                return parts
            case .gone: continue
            case .others: return nil
            }
        }
    }

    private init(_ folder: String, _ lock: File) throws(CakeError) {
        self.folder = folder
        self.lock = Mutex(lock)
        parts = Mutex(try Parts.found(in: folder))
    }

    private func keep(_ note: PullNote) throws(CakeError) {
        let path = folder + "/" + PullNote.file
        try Disk.remove(path)
        try File(path, .create).write(note.encoded.span, at: 0)
    }

    private enum Lock {
        case mine(File)
        case others
        /// Its owner finished and removed the folder meanwhile.
        case gone
    }

    private static func lock(_ folder: String) throws(CakeError) -> Lock {
        try Disk.makeFolder(folder)
        let lock: File
        do {
            lock = try File(folder + "/lock", .readWriteOrCreate, followingLinks: false)
        } catch {
            if try Disk.status(folder) == nil { return .gone }
            throw error
        }
        guard try lock.lock(exclusive: true, waiting: false) else { return .others }
        return try Disk.status(lock.path)?.inode == lock.status().inode ? .mine(lock) : .gone
    }

    /// A folder of a download that no command continues. None can while this is held.
    struct Abandoned {
        let folder: String
        /// Its size on the disk.
        let bytes: UInt64
        /// The time of its last write.
        let newest: Int
        private let lock: File?

        fileprivate init(folder: String, bytes: UInt64, newest: Int, lock: File?) {
            self.folder = folder
            self.bytes = bytes
            self.newest = newest
            self.lock = lock
        }

        func remove() throws(CakeError) { try Parts.clear(folder) }
    }

    /// Folders that no command holds, with their bytes. This call holds those that were not touched since `oldest`.
    static func abandoned(in layout: Layout, since oldest: Int) throws(CakeError) -> [Abandoned] {
        var found: [Abandoned] = []
        for name in try Disk.names(in: layout.incoming) where Digest(hex: name) != nil {
            let folder = layout.incoming + "/" + name
            guard var newest = try Disk.status(folder, followingLinks: false)?.modified else { continue }
            // Without a lock file its removal was cut short, or a pull has just made it: then the lock keeps the pull out.
            let lock = try? File(folder + "/lock", .readWriteOrCreate, followingLinks: false)
            if let lock {
                guard try lock.lock(exclusive: true, waiting: false),
                    try Disk.status(lock.path)?.inode == lock.status().inode
                else { continue }
            }
            var room = DiskRoom()
            for file in try Disk.names(in: folder) {
                guard let status = try Disk.status(folder + "/" + file, followingLinks: false) else { continue }
                if file != "lock" { newest = max(newest, status.modified) }
                room.add(status)
            }
            found.append(
                Abandoned(folder: folder, bytes: room.bytes, newest: newest, lock: newest > oldest ? nil : lock))
        }
        return found
    }

    private static func found(in folder: String) throws(CakeError) -> [Part] {
        let bootPath = folder + "/boot"
        let boot = Array(Machine.boot.utf8)
        let isSameBoot = (try? Disk.read(bootPath, limit: 256)) == boot
        var found: [Part] = []
        for (start, size) in try lengths(in: folder) {
            let name = "\(start)"
            var length = size
            if !isSameBoot, length % syncStep != 0 {
                length -= length % syncStep
                try File(folder + "/" + name, .readWrite, followingLinks: false).shorten(to: length)
            }
            if length == 0 {
                try Disk.remove(folder + "/" + name)
            } else {
                found.append(Part(start: start, path: folder + "/" + name, length: length))
            }
        }
        if !isSameBoot {
            try Disk.remove(bootPath)
            try File(bootPath, .create).write(boot.span, at: 0)
        }
        return found
    }

    /// The downloaded runs of the file.
    public var runs: RangeSet<UInt64> { RangeSet(parts.withLock { $0.map { $0.start..<$0.end } }) }

    /// The runs that an earlier command left, without taking the folder: for estimates.
    public static func runs(in store: LocalStore, key: Digest) throws(CakeError) -> RangeSet<UInt64> {
        let folder = store.layout.incoming + "/" + key.hex
        guard try Disk.exists(folder) else { return RangeSet() }
        let isSameBoot = (try? Disk.read(folder + "/boot", limit: 256)) == Array(Machine.boot.utf8)
        return RangeSet(
            try Parts.lengths(in: folder).map { start, length in
                start..<start + (isSameBoot ? length : length - length % syncStep)
            })
    }

    /// The parts in a folder, in the order of their first bytes. Files with other names or kinds are not cake's.
    private static func lengths(in folder: String) throws(CakeError) -> [(start: UInt64, length: UInt64)] {
        var found: [(start: UInt64, length: UInt64)] = []
        for name in try Disk.names(in: folder) {
            guard let start = UInt64(name), "\(start)" == name,
                let status = try Disk.status(folder + "/" + name, followingLinks: false), status.kind == .file,
                !start.addingReportingOverflow(status.size).overflow
            else { continue }
            found.append((start, status.size))
        }
        return found.sorted { $0.start < $1.start }
    }

    /// How many bytes of the file are here.
    public var bytes: UInt64 { runs.length }

    /// A part that begins at a byte, or continues there.
    public func part(at start: UInt64) throws(CakeError) -> Part {
        if let found = parts.withLock({ $0.first { $0.start + $0.length == start } }) { return found }
        let path = folder + "/\(start)"
        try Disk.removeTree(path)
        _ = try File(path, .create)
        let part = Part(start: start, path: path, length: 0)
        parts.withLock { parts in
            let position = parts.firstIndex { $0.start > start } ?? parts.count
            parts.insert(part, at: position)
        }
        return part
    }

    /// The part that has a byte, for a reader during the download; nil if the byte is not here.
    public func part(having position: UInt64) -> Part? {
        parts.withLock { parts in parts.last { $0.start <= position && position < $0.end } }
    }

    /// A run of bytes that are all here, in one part or several.
    public func plain(_ range: Range<UInt64>) throws(CakeError) -> PlainBytes {
        var runs: [PlainBytes.Run] = []
        var position = range.lowerBound
        let parts = parts.withLock { $0 }
        while position < range.upperBound {
            guard let part = parts.last(where: { $0.start <= position && position < $0.start + $0.length }) else {
                throw CakeError(.failed, "byte \(position) of \(folder) is not here yet")
            }
            let end = min(range.upperBound, part.start + part.length)
            let file = try File(part.path, .read, followingLinks: false)
            runs.append(PlainBytes.Run(file: file, start: position - part.start, count: end - position))
            position = end
        }
        return PlainBytes(runs)
    }

    /// Lets others have the folder, as the end of the process does.
    public func release() { lock.withLock { $0 = nil } }

    /// Everything is in the store, or worth nothing. From here on the folder may be another's.
    public func remove() throws(CakeError) {
        guard let held = lock.withLock({ $0.take() }) else { return }
        try Parts.clear(folder)
        withExtendedLifetime(held) {}
    }

    /// The lock goes last: a command that makes it again finds nothing to remove, and may keep the folder.
    private static func clear(_ folder: String) throws(CakeError) {
        for name in try Disk.names(in: folder) where name != "lock" { try Disk.removeTree(folder + "/" + name) }
        try Disk.remove(folder + "/lock")
        try Disk.removeFolder(ifEmpty: folder)
    }

    /// Bytes of the file in one file of their own, from `start` on.
    public final class Part: Sendable {
        private struct State {
            var length: UInt64
            /// Open while it is written.
            var file: File?
            /// Open while a reader has it.
            weak var read: File?
        }

        public let start: UInt64
        let path: String
        private let state: Mutex<State>

        init(start: UInt64, path: String, length: UInt64) {
            self.start = start
            self.path = path
            state = Mutex(State(length: length))
        }

        public var length: UInt64 { state.withLock { $0.length } }

        /// Appends bytes. One writer at a time.
        public func append(_ bytes: Span<UInt8>) throws(CakeError) {
            let (end, open) = state.withLock { ($0.length, $0.file) }
            let file: File
            if let open { file = open } else { file = try File(path, .readWrite, followingLinks: false) }
            try file.write(bytes, at: end)
            let newEnd = end + UInt64(bytes.count)
            if newEnd / Parts.syncStep != end / Parts.syncStep { try file.sync() }
            state.withLock { ($0.length, $0.file) = (newEnd, file) }
        }

        /// The place of the next byte.
        public var end: UInt64 { start + length }

        /// For readers: one file for all of them, open as long as one keeps it.
        public func opened() throws(CakeError) -> File {
            let open = state.withLock { state in
                state.read = state.file ?? state.read
                return state.read
            }
            if let open { return open }
            let file = try File(path, .read, followingLinks: false)
            state.withLock { $0.read = file }
            return file
        }

        /// There is no writer for now.
        public func close() { state.withLock { $0.file = nil } }
    }
}
