public import Model
internal import Platform
internal import Store
internal import Synchronization

/// Bytes of a request's body on this disk, until they are in another storage. The file has no name: nothing is left when the server
/// is killed.
public final class Spool: Sendable {
    private struct State: ~Copyable {
        var length: UInt64 = 0
        var hash: SHA256? = SHA256()
        var failure: CakeError?
    }

    let file: File
    private let state = Mutex(State())

    public init(in folder: String) throws(CakeError) {
        let path = folder + "/" + UploadName.random().text
        file = try File(path, .createPrivate)
        try Disk.remove(path)
    }

    public var length: UInt64 { state.withLock { $0.length } }

    /// The first failure is kept, and thrown by `check`.
    public func append(_ bytes: Span<UInt8>) {
        state.withLock { state in
            guard state.failure == nil else { return }
            do throws(CakeError) {
                try file.write(bytes, at: state.length)
                state.hash?.update(bytes)
                state.length += UInt64(bytes.count)
            } catch { state.failure = error }
        }
    }

    public var failure: CakeError? { state.withLock { $0.failure } }

    var body: StorageBody { StorageBody(file, size: length) }

    /// The SHA-256 of all bytes; nil if they do not have the name. To be called once.
    func check(_ name: BlobName) throws(CakeError) -> Digest? {
        if let failure { throw failure }
        let digest = state.withLock { $0.hash.take()?.finish() }
        guard let digest else { return nil }
        switch name.algorithm {
        case .sha256: return digest == name.sha256 ? digest : nil
        case .sha512:
            var long = SHA512()
            try PlainBytes(file: file, start: 0, count: length)
                .forEachChunk(through: Chunk(capacity: 1 << 20)) { _, bytes in long.update(bytes) }
            return long.finish() == name.hex ? digest : nil
        }
    }
}
