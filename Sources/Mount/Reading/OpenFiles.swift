package import Model
internal import Platform
package import Store
internal import Synchronization

/// What all open files of a mount share: decoded pieces, the room for answers, and the lease.
package final class OpenFiles: Sendable {
    /// A range of a file that cannot be read.
    package struct Unreadable: Sendable {
        package let path: String
        package let model: ModelName?
        /// Nil if it was read to make other bytes of the file.
        package let layer: Layer?
        package let manifest: Digest?
        package let error: CakeError
        /// Its bytes should have been downloaded, and the error says what to do.
        package var isLazy = false
    }

    let cache: PieceCache
    let chunks = ChunkPool(chunkCapacity: OpenFiles.largestRead)
    /// Bytes that are made when they are read.
    let work: BackgroundWork
    private let leases: SharedLease
    private let tell: @Sendable (Unreadable) -> Void
    /// How long a read may wait for bytes that are downloaded.
    let patience: Duration
    private let told = BoundedCache<Told, Bool>(room: 1000)

    private struct Told: Hashable {
        let path: String
        let layer: Digest?
        /// A server that fails now may answer later, and fail again.
        var minute: Int?
        var kind: CakeError.Kind?
    }

    /// The kernel asks for no more at once.
    static let largestRead = 1 << 20

    /// Of the memory for decoded bytes, what answers take that the kernel has not got yet.
    private static let answers: UInt64 = 24 << 20

    /// `tell` is called once for each layer that cannot be read.
    package init(
        _ store: LocalStore, cache bytes: UInt64, patience: Duration = .seconds(60),
        tell: @escaping @Sendable (Unreadable) -> Void
    ) {
        self.patience = patience
        self.tell = tell
        let left = bytes > 2 * OpenFiles.answers ? bytes - OpenFiles.answers : bytes / 2
        cache = PieceCache(store, pieces: max(8, Int(clamping: left / UInt64(LayerReader.pieceSize))))
        work = BackgroundWork("bytes made for a mount", on: store.pool)
        leases = SharedLease(store)
    }

    /// `path` and `model` are for messages.
    package func open(_ content: Content, at path: String, of model: ModelName? = nil, isFixed: Bool = true)
        throws(CakeError) -> OpenFile
    {
        let held = try content.manifest.flatMap { manifest throws(CakeError) in
            try leases.hold(existing: manifest)
        }
        return OpenFile(content, at: path, of: model, isFixed: isFixed, among: self, holding: held)
    }

    /// Once for each layer of a file.
    func note(_ unreadable: Unreadable) {
        var key = Told(path: unreadable.path, layer: unreadable.layer?.digest)
        if unreadable.isLazy { (key.minute, key.kind) = (Machine.now / 60, unreadable.error.kind) }
        guard told[key] == nil else { return }
        told[key] = true
        tell(unreadable)
    }
}
