public import Model
internal import Platform
internal import Store
internal import Synchronization

/// A blob on its way in: a folder under `uploads` with the bytes so far; their number says where to continue. It
/// outlives the process. One request at a time writes to it.
public final class Upload: Sendable {
    private struct State: ~Copyable {
        var length: UInt64 = 0
        /// Of all bytes so far; nil when some were written by an earlier process.
        var hash: SHA256? = SHA256()
        /// Open while a request writes, and locked against other processes.
        var file: File?
        var givenBack = ContinuousClock.now
    }

    public let name: UploadName
    private let folder: String
    private let state = Mutex(State())

    private static let trusted = Duration.seconds(60)
    static let data = "data"
    static let owner = "repository"

    init(_ name: UploadName, in folder: String, isNew: Bool) {
        self.name = name
        self.folder = folder
        if !isNew { state.withLock { $0.hash = nil } }
    }

    private var path: String { folder + "/" + Upload.data }

    /// Takes the upload for a request; nil if another request has it. The taker gives it back.
    public func take() throws(CakeError) -> UInt64? {
        try state.withLock { state throws(CakeError) -> UInt64? in
            guard state.file == nil else { return nil }
            let file = try File(path, .readWrite, followingLinks: false)
            guard try file.lock(exclusive: true, waiting: false) else { return nil }
            let length = try file.size()
            // Bytes that rested for long are read again at the end: the disk may have changed them.
            if length != state.length || .now - state.givenBack > Upload.trusted { state.hash = nil }
            state.length = length
            state.file = file
            return length
        }
    }

    /// Its length, also while a request writes.
    public func lengthOnDisk() throws(CakeError) -> UInt64 { try Disk.status(path, followingLinks: false)?.size ?? 0 }

    /// Its length for the request that has it.
    public var length: UInt64 { state.withLock { $0.length } }

    /// Appends bytes.
    public func append(_ bytes: Span<UInt8>) throws(CakeError) {
        // Only the request that has it comes here: writing under the lock delays no other.
        try state.withLock { state throws(CakeError) in
            guard let file = state.file else { return }
            try file.write(bytes, at: state.length)
            state.hash?.update(bytes)
            let before = state.length
            state.length += UInt64(bytes.count)
            if before / Upload.step != state.length / Upload.step {
                file.startWriting(from: before / Upload.step * Upload.step, count: Upload.step)
            }
        }
    }

    /// The disk starts writing after this many bytes: the sync at the end then has little left.
    private static let step: UInt64 = 8 << 20

    /// The bytes so far would survive a power cut.
    public func sync() throws(CakeError) {
        let file = state.withLock { $0.file }
        try file?.sync()
        try Disk.syncFolder(folder)
    }

    public func giveBack() {
        state.withLock { state in
            // Bytes that the disk did not take are found when all are read again.
            do throws(CakeError) { try state.file?.finish() } catch { state.hash = nil }
            state.file = nil
            state.givenBack = .now
        }
    }

    /// The SHA-256 of all bytes, and whether they have the name; the caller has taken the upload.
    func check(_ name: BlobName) throws(CakeError) -> Digest? {
        var known: Digest?
        state.withLock { state in
            if let hash = state.hash.take() { known = hash.finish() }
        }
        let file = try File(path, .read, followingLinks: false)
        if let known, name.algorithm == .sha256 { return known == name.sha256 ? known : nil }
        var short = SHA256()
        var long = SHA512()
        let size = try file.size()
        let chunk = Chunk(capacity: 1 << 20)
        try PlainBytes(file: file, start: 0, count: size).forEachChunk(through: chunk) { _, bytes in
            if known == nil { short.update(bytes) }
            if name.algorithm == .sha512 { long.update(bytes) }
        }
        let digest: Digest
        if let known { digest = known } else { digest = short.finish() }
        switch name.algorithm {
        case .sha256: return digest == name.sha256 ? digest : nil
        case .sha512: return long.finish() == name.hex ? digest : nil
        }
    }
}

/// Uploads that this process has seen and may see again: hashed bytes need not be read again.
final class Uploads: Sendable {
    private static let most = 256
    private let known = Mutex<[UploadName: Upload]>([:])

    subscript(name: UploadName) -> Upload? { known.withLock { $0[name] } }

    func add(_ upload: Upload) -> Upload {
        known.withLock { known in
            if let other = known[upload.name] { return other }
            if known.count >= Uploads.most, let any = known.keys.first { known[any] = nil }
            known[upload.name] = upload
            return upload
        }
    }

    func forget(_ name: UploadName) { known.withLock { $0[name] = nil } }
}
