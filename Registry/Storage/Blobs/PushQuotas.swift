public import Model
internal import Platform
internal import Store
internal import Synchronization

/// The bytes that pushes may bring. The disk is the truth: blobs, marks and manifests are counted as they lie there, and
/// an upload by what it reserved. Many processes may serve one store.
public final class PushQuotas: Sendable {
    public let all: [RegistryQuota]
    let registry: RegistryStore
    let listings = PushTally.Listings()

    public init(_ registry: RegistryStore, _ all: [RegistryQuota]) {
        self.registry = registry
        self.all = all
    }

    /// A push that a quota refuses.
    public struct Excess: Sendable {
        public let quota: RegistryQuota
        public let used: UInt64
        /// Nil where the push has not said how much it brings.
        public let wanted: UInt64?
    }

    /// The bytes that count for each quota now.
    public func used() throws(CakeError) -> [(quota: RegistryQuota, bytes: UInt64)] {
        if all.isEmpty { return [] }
        let tally = try PushTally(of: registry, listings)
        var used: [(quota: RegistryQuota, bytes: UInt64)] = []
        for quota in all { used.append((quota, try tally.use(of: quota).bytes)) }
        return used
    }

    public func counts(_ repository: RepositoryName) -> Bool { all.contains { $0.fits(repository) } }

    /// Of a blob that may be mounted: a pack of the store's models has no bytes of its own.
    public func bytes(of blob: Digest?) throws(CakeError) -> UInt64 {
        guard let blob else { return 0 }
        return try registry.storage.look(at: registry.keys.blob(blob))?.size ?? 0
    }

    /// Of a manifest that is pushed: none if it is there.
    public func bytes(of manifest: RegistryStore.StoredManifest, in repository: RepositoryName) throws(CakeError)
        -> UInt64
    {
        let key = registry.keys.repository(repository).manifest(manifest.name)
        if try registry.storage.look(at: key) != nil { return 0 }
        return UInt64(RegistryStore.mark.utf8.count + manifest.mediaType.utf8.count + 1 + manifest.bytes.count)
    }

    /// The quota that leaves no room at all, for a push that has not said how much it brings.
    public func excess(in repository: RepositoryName) throws(CakeError) -> Excess? {
        let concerned = all.filter { $0.fits(repository) }
        if concerned.isEmpty { return nil }
        let tally = try PushTally(of: registry, listings)
        for quota in concerned {
            let used = try tally.use(of: quota).bytes
            if used >= quota.bytes { return Excess(quota: quota, used: used, wanted: nil) }
        }
        return nil
    }

    /// Reserves room for all bytes that an upload is to have. `blob` is the name of these bytes, if it is known: what is
    /// counted already takes no room.
    public func reserve(
        _ count: UInt64, for upload: Upload, in repository: RepositoryName, as blob: BlobName? = nil
    ) throws(CakeError) -> Outcome {
        let concerned = all.filter { $0.fits(repository) }
        if concerned.isEmpty { return .free }
        let reservation = try Reservation(
            self, concerned, upload.name, repository, blob?.sha256, registry.layout.upload(upload.name))
        if let excess = try reservation.grow(to: count) { return .refused(excess) }
        return .reserved(reservation)
    }

    public enum Outcome: Sendable {
        /// No quota counts it.
        case free
        case reserved(Reservation)
        case refused(Excess)
    }

    /// While the body runs, nothing else can take the room that was found.
    fileprivate func alone<Result>(_ body: () throws(CakeError) -> Result) throws(CakeError) -> Result {
        let lock = try File(registry.store.layout.lock("quota"), .readWriteOrCreate)
        _ = try lock.lock(exclusive: true, waiting: true)
        defer { lock.unlock() }
        return try body()
    }

    /// Room for an upload, as a file in its folder that is locked while the upload's request lives: the room is given
    /// back when the process dies, too.
    public final class Reservation: Sendable {
        private let quotas: PushQuotas
        private let concerned: [RegistryQuota]
        private let upload: UploadName
        private let repository: RepositoryName
        private let blob: Digest?
        private let file: File
        private let granted = Mutex<UInt64?>(nil)

        /// Bodies without a length ask for so much more at a time.
        private static let step: UInt64 = 64 << 20
        static let fileName = "room"

        fileprivate init(
            _ quotas: PushQuotas, _ concerned: [RegistryQuota], _ upload: UploadName, _ repository: RepositoryName,
            _ blob: Digest?, _ folder: String
        ) throws(CakeError) {
            self.quotas = quotas
            self.concerned = concerned
            self.upload = upload
            self.repository = repository
            self.blob = blob
            file = try File(folder + "/" + Reservation.fileName, .readWriteOrCreate, followingLinks: false)
        }

        /// Makes sure of room for so many bytes in all. The bytes before stay reserved if there is none.
        public func grow(to count: UInt64) throws(CakeError) -> Excess? {
            let before = granted.withLock { $0 }
            if let before, count <= before { return nil }
            return try quotas.alone { () throws(CakeError) -> Excess? in
                let tally = try PushTally(of: quotas.registry, quotas.listings, without: upload)
                var most = before == nil ? count : (count / Reservation.step + 1) * Reservation.step
                for quota in concerned {
                    let use = try tally.use(of: quota)
                    if let blob, use.has(blob) { continue }
                    let left = quota.bytes - min(use.bytes, quota.bytes)
                    guard count <= left else { return Excess(quota: quota, used: use.bytes, wanted: count) }
                    most = min(most, left)
                }
                if before == nil { _ = try file.lock(exclusive: true, waiting: true) }
                try file.shorten(to: 0)
                try file.write(Array("\(most) \(blob?.hex ?? "-")\n".utf8).span, at: 0)
                granted.withLock { $0 = most }
                return nil
            }
        }

        /// From now on the upload counts with the bytes that it has.
        public func release() { file.unlock() }
    }
}
