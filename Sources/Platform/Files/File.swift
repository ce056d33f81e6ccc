internal import CShims
internal import Glibc
public import Model
internal import Synchronization

/// An open file. Reads and writes name their offset: many may share one. Closed when the last owner releases it.
public final class File: Sendable {
    public enum Mode: Sendable {
        case read
        /// Must not be there yet.
        case create
        /// Must not exist yet; no other user of the machine may read it.
        case createPrivate
        case readWrite
        /// There or not; for lock files.
        case readWriteOrCreate
    }

    public let path: String
    let descriptor: Int32
    private let isClosed = Atomic(false)
    /// Reads bytes that are in no file of this machine.
    private let distant: Reader?

    public typealias Reader = @Sendable (inout MutableSpan<UInt8>, UInt64) throws(CakeError) -> Int

    public init(_ path: String, _ mode: Mode, followingLinks: Bool = true) throws(CakeError) {
        let access: Int32 =
            switch mode {
            case .read: O_RDONLY
            case .create, .createPrivate: O_RDWR | O_CREAT | O_EXCL
            case .readWrite: O_RDWR
            case .readWriteOrCreate: O_RDWR | O_CREAT
            }
        let action = mode == .create || mode == .createPrivate ? "create" : "open"
        let permissions: mode_t = mode == .createPrivate ? 0o600 : 0o666
        let flags = access | O_CLOEXEC | (followingLinks ? 0 : O_NOFOLLOW)
        descriptor = try retrying(action, path) { unsafe open(path, flags, permissions) }
        self.path = path
        distant = nil
        // Said of a lock file that was there already, too.
        if mode == .create || mode == .readWriteOrCreate { note(.created(path)) }
    }

    /// Bytes in memory, for code that reads files.
    public init(inMemory bytes: Span<UInt8>) throws(CakeError) {
        path = "bytes in memory"
        descriptor = try retrying("make", path) { cake_memory_file() }
        distant = nil
        try write(bytes, at: 0)
    }

    deinit { if descriptor >= 0, !isClosed.load(ordering: .relaxed) { close(descriptor) } }

    /// Closes the file behind its last byte, and throws what a disk says only then: NFS sends bytes late, and a sync through
    /// another descriptor would not hear that it failed.
    public func finish() throws(CakeError) {
        guard !isClosed.exchange(true, ordering: .relaxed) else { return }
        let fault = faultNumber()
        // The descriptor is gone, whatever the answer.
        let result = close(descriptor)
        if let fault { throw SystemError.make(fault, "write", path) }
        if result != 0, errno != EINTR { throw .system("write", path) }
    }

    /// Bytes in another place, for code that reads files. They can be read, and nothing else. `reader` may wait; it fills the room
    /// from an offset on, and returns the number of bytes.
    public init(called path: String, readBy reader: @escaping Reader) {
        (self.path, descriptor, distant) = (path, -1, reader)
    }

    /// Whether it is a file of this machine.
    public var isHere: Bool { distant == nil }

    /// Fills `room` from `offset` on, and returns the number of bytes: fewer only at the end of the file.
    public func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(CakeError) -> Int {
        if let distant { return try distant(&room, offset) }
        let start = try checkedOffset(offset, adding: room.count)
        var done = 0
        while done < room.count {
            let position = done
            let count = try unsafe room.withUnsafeMutableBufferPointer { buffer throws(CakeError) in
                try retrying("read", path) {
                    unsafe pread(
                        descriptor, buffer.baseAddress?.advanced(by: position), buffer.count - position,
                        start + position)
                }
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Exactly `count` bytes from `offset` on, as all that is in the chunk.
    public func fill(_ chunk: Chunk, from offset: UInt64, count: Int) throws(CakeError) {
        chunk.count = 0
        try append(to: chunk, from: offset, count: count)
    }

    /// Appends exactly `count` bytes from `offset` on to the chunk.
    public func append(to chunk: Chunk, from offset: UInt64, count: Int) throws(CakeError) {
        let end = chunk.count + count
        precondition(end <= chunk.capacity)
        let got = try chunk.withRoom { room throws(CakeError) in
            var wanted = room._mutatingExtracting(chunk.count..<end)
            return try read(into: &wanted, at: offset)
        }
        guard got == count else { throw cutShort(at: offset + UInt64(got)) }
        chunk.count = end
    }

    public func bytes(at offset: UInt64, count: Int) throws(CakeError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var room = bytes.mutableSpan
        let got = try read(into: &room, at: offset)
        guard got == count else { throw cutShort(at: offset + UInt64(got)) }
        return bytes
    }

    public func write(_ bytes: Span<UInt8>, at offset: UInt64) throws(CakeError) {
        let start = try checkedOffset(offset, adding: bytes.count)
        var done = 0
        while done < bytes.count {
            let position = done
            done += try unsafe bytes.withUnsafeBufferPointer { buffer throws(CakeError) in
                try retrying("write", path) {
                    unsafe pwrite(
                        descriptor, buffer.baseAddress?.advanced(by: position), buffer.count - position,
                        start + position)
                }
            }
        }
        note(.wrote(path, offset: offset, bytes: bytes.indices.map { bytes[$0] }))
    }

    public func size() throws(CakeError) -> UInt64 { try status().size }

    public func status() throws(CakeError) -> Disk.Status {
        var raw = stat()
        _ = try retrying("look at", path) { unsafe fstat(descriptor, &raw) }
        return Disk.Status(raw)
    }

    /// Returns when the bytes would survive a power cut.
    public func sync() throws(CakeError) {
        _ = try retrying("sync", path) { fsync(descriptor) }
        note(.synced(path))
    }

    /// Starts writing to the disk early: a later sync then has little to wait for. Only a hint.
    public func startWriting(from offset: UInt64, count: UInt64) {
        guard let offset = Int(exactly: offset), let count = Int(exactly: count) else { return }
        _ = cake_start_writing(descriptor, Int64(offset), Int64(count))
    }

    /// Starts reading bytes that are needed soon. Only a hint.
    public func startReading(from offset: UInt64, count: UInt64) {
        guard let offset = Int(exactly: offset), let count = Int(exactly: count) else { return }
        _ = posix_fadvise(descriptor, offset, count, POSIX_FADV_WILLNEED)
    }

    /// Takes the space now: a full disk is noticed before the work and not in the middle of it.
    public func reserve(_ size: UInt64) throws(CakeError) {
        guard size > 0, let size = Int(exactly: size) else { return }
        do {
            _ = try retrying("reserve room for", path) { cake_fallocate(descriptor, Int64(size)) }
        } catch {
            // Not every file system can do this; then a write will fail.
            if error.kind == .diskFull { throw error }
        }
    }

    /// Another descriptor of the same file, for an owner that closes it separately; less than 0 if there are no more
    /// descriptors.
    public func duplicate() -> Int32 { fcntl(descriptor, F_DUPFD_CLOEXEC, 0) }

    /// Removes the bytes after `size`.
    public func shorten(to size: UInt64) throws(CakeError) {
        let length = try checkedOffset(size, adding: 0)
        _ = try retrying("shorten", path) { ftruncate(descriptor, length) }
    }

    /// `flock`. Without waiting, false if another holder has it.
    public func lock(exclusive: Bool, waiting: Bool) throws(CakeError) -> Bool {
        let operation = (exclusive ? LOCK_EX : LOCK_SH) | (waiting ? 0 : LOCK_NB)
        while flock(descriptor, operation) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: return false
            default: throw .system("lock", path)
            }
        }
        return true
    }

    public func unlock() { _ = flock(descriptor, LOCK_UN) }

    private func cutShort(at offset: UInt64) -> CakeError {
        CakeError(
            .damaged, "\(Printable.escape(path)) ends at byte \(offset), too early",
            fix: "check that no other program changes it, and run it again")
    }

    private func checkedOffset(_ offset: UInt64, adding count: Int) throws(CakeError) -> Int {
        guard let start = Int(exactly: offset), !start.addingReportingOverflow(count).overflow else {
            throw CakeError(.damaged, "\(Printable.escape(path)) has no byte \(offset)")
        }
        return start
    }
}

/// Calls again after a signal; every system call is counted here.
func retrying<Value: SignedInteger>(_ action: String, _ path: String, _ call: () -> Value) throws(CakeError) -> Value {
    if let number = faultNumber() { throw SystemError.make(number, action, path) }
    while true {
        let result = call()
        if result >= 0 { return result }
        if errno != EINTR { throw .system(action, path) }
    }
}
