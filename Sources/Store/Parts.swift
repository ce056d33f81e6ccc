public import Model
internal import Platform
internal import Synchronization

/// Where the bytes of one remote file wait until they are whole: `incoming/<key>/<first byte>`, plain and in order. The
/// length of a part is how far it came; there is no journal. One process at a time has the folder.
public final class Parts: Sendable {
    private let folder: String
    private let lock: File
    private let parts: Mutex<[Part]>

    /// After a power cut only whole steps of a part are sure to be on the disk: it was synced at the end of each.
    static let syncStep: UInt64 = 64 << 20

    /// Takes the folder, and waits while another process has it. Parts of an earlier run are counted as far as they can
    /// be trusted.
    public init(_ store: LocalStore, key: Digest, waiting: () -> Void) throws(CakeError) {
        folder = store.layout.incoming + "/" + key.hex
        lock = try Parts.lock(folder, waiting)
        parts = Mutex(try Parts.found(in: folder))
    }

    private static func lock(_ folder: String, _ waiting: () -> Void) throws(CakeError) -> File {
        var hasWaited = false
        while true {
            try Disk.makeFolder(folder)
            let lock = try File(folder + "/lock", .readWriteOrCreate)
            if try !lock.lock(exclusive: true, waiting: false) {
                if !hasWaited { waiting() }
                hasWaited = true
                _ = try lock.lock(exclusive: true, waiting: true)
            }
            // Whoever had it may have been done, and taken the folder away with the file that is locked now.
            if try Disk.status(lock.path)?.inode == lock.status().inode { return lock }
        }
    }

    /// Folders that nobody has touched since `oldest` and nobody holds, with their bytes.
    static func abandoned(in layout: Layout, since oldest: Int) throws(CakeError) -> [(folder: String, bytes: UInt64)] {
        var found: [(folder: String, bytes: UInt64)] = []
        for name in try Disk.names(in: layout.incoming) where Digest(hex: name) != nil {
            let folder = layout.incoming + "/" + name
            guard let lock = try? File(folder + "/lock", .readWrite), try lock.lock(exclusive: true, waiting: false)
            else { continue }
            var (newest, bytes) = (0, UInt64(0))
            for file in try Disk.names(in: folder) {
                guard let status = try Disk.status(folder + "/" + file, followingLinks: false) else { continue }
                newest = max(newest, status.modified)
                bytes += status.size
            }
            if newest <= oldest { found.append((folder, bytes)) }
        }
        return found
    }

    private static func found(in folder: String) throws(CakeError) -> [Part] {
        let bootPath = folder + "/boot"
        let boot = Array(Machine.boot.utf8)
        let isSameBoot = (try? Disk.read(bootPath, limit: 256)) == boot
        var found: [Part] = []
        for name in try Disk.names(in: folder) {
            guard let start = UInt64(name) else { continue }
            let file = try File(folder + "/" + name, .readWrite)
            var length = try file.size()
            if !isSameBoot, length % syncStep != 0 {
                length -= length % syncStep
                try file.shorten(to: length)
            }
            if length == 0 {
                try Disk.remove(file.path)
            } else {
                found.append(Part(start: start, file: file, length: length))
            }
        }
        if !isSameBoot {
            try Disk.remove(bootPath)
            try File(bootPath, .create).write(boot.span, at: 0)
        }
        found.sort { $0.start < $1.start }
        return found
    }

    /// The runs of the file that are here, in order, none overlapping another.
    public var runs: [Range<UInt64>] {
        parts.withLock { parts in
            var runs: [Range<UInt64>] = []
            for part in parts {
                let start = max(part.start, runs.last?.upperBound ?? 0)
                let end = part.start + part.length
                guard start < end else { continue }
                if let last = runs.last, last.upperBound == start {
                    runs[runs.count - 1] = last.lowerBound..<end
                } else {
                    runs.append(start..<end)
                }
            }
            return runs
        }
    }

    /// A part that begins at a byte, or goes on there.
    public func part(at start: UInt64) throws(CakeError) -> Part {
        if let found = parts.withLock({ $0.first { $0.start + $0.length == start } }) { return found }
        let path = folder + "/\(start)"
        try Disk.remove(path)
        let part = Part(start: start, file: try File(path, .create), length: 0)
        parts.withLock { parts in
            let position = parts.firstIndex { $0.start > start } ?? parts.count
            parts.insert(part, at: position)
        }
        return part
    }

    /// A run of bytes that are all here, wherever they lie.
    public func plain(_ range: Range<UInt64>) throws(CakeError) -> PlainBytes {
        var runs: [PlainBytes.Run] = []
        var position = range.lowerBound
        let parts = parts.withLock { $0 }
        while position < range.upperBound {
            guard let part = parts.last(where: { $0.start <= position && position < $0.start + $0.length }) else {
                throw CakeError(.failed, "byte \(position) of \(folder) is not here yet")
            }
            let end = min(range.upperBound, part.start + part.length)
            runs.append(PlainBytes.Run(file: part.file, start: position - part.start, count: end - position))
            position = end
        }
        return PlainBytes(runs)
    }

    /// Everything is in the store, or worth nothing.
    public func remove() throws(CakeError) { try Disk.removeTree(folder) }

    /// Bytes of the file in one file of their own, from `start` on.
    public final class Part: Sendable {
        public let start: UInt64
        let file: File
        private let written: Mutex<UInt64>

        init(start: UInt64, file: File, length: UInt64) {
            self.start = start
            self.file = file
            written = Mutex(length)
        }

        public var length: UInt64 { written.withLock { $0 } }

        /// Puts bytes behind those that are here. One writer at a time.
        public func append(_ bytes: Span<UInt8>) throws(CakeError) {
            let end = length
            try file.write(bytes, at: end)
            let newEnd = end + UInt64(bytes.count)
            if newEnd / Parts.syncStep != end / Parts.syncStep { try file.sync() }
            written.withLock { $0 = newEnd }
        }
    }
}
