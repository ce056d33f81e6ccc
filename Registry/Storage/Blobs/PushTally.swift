internal import Model
internal import Platform
internal import Store

/// The bytes in a registry that quotas count, at one moment: blobs, manifests that were pushed, and uploads.
struct PushTally {
    /// Listings of folders, kept until those change.
    struct Listings: Sendable {
        /// Sizes of the blobs in a folder of them.
        fileprivate let blobs = FolderCache<String, [Digest: UInt64]>(room: 4_000_000) { $0.count + 1 }
        fileprivate let marks = FolderCache<RepositoryName, [Digest]>(room: 4_000_000) { $0.count + 1 }
        fileprivate let manifests = FolderCache<RepositoryName, UInt64>(room: 100_000)
    }

    /// What a quota counts.
    struct Use {
        var bytes: UInt64 = 0
        fileprivate var blobs: [Digest: UInt64] = [:]
        fileprivate var shards: [[Digest: UInt64]] = []

        func has(_ blob: Digest) -> Bool {
            shards.isEmpty ? blobs[blob] != nil : shards[Int(blob.words.0 >> 56)][blob] != nil
        }
    }

    private struct Arriving {
        let repository: RepositoryName
        let bytes: UInt64
        let blob: Digest?
    }

    private let registry: RegistryStore
    private let listings: Listings
    private var shards: [[Digest: UInt64]] = []
    private var arriving: [Arriving] = []

    /// Without an upload whose room is asked for.
    init(of registry: RegistryStore, _ listings: Listings, without upload: UploadName? = nil) throws(CakeError) {
        (self.registry, self.listings) = (registry, listings)
        // Before the blobs: an upload that becomes one meanwhile counts twice, and not never.
        for name in try registry.storage.names(in: registry.keys.uploads) where name != upload?.text {
            if let found = try arrival(in: registry.layout.uploads + "/" + name) { arriving.append(found) }
        }
        for shard in Layout.shards { shards.append(try blobs(in: registry.layout.blobs + "/" + shard)) }
    }

    /// The whole registry counts with all its blobs, also those that no repository has any more. Repositories count with
    /// the blobs that they have.
    func use(of quota: RegistryQuota) throws(CakeError) -> Use {
        var use = Use()
        if quota.isWhole {
            use.shards = shards
            use.bytes = shards.reduce(0) { $0 + $1.values.reduce(0, +) }
        }
        for repository in try registry.allRepositories() where quota.fits(repository) {
            use.bytes += try manifests(of: repository)
            if quota.isWhole { continue }
            for mark in try marks(of: repository) where use.blobs[mark] == nil {
                // A pack of the store's models has no bytes of its own.
                guard let size = shards[Int(mark.words.0 >> 56)][mark] else { continue }
                use.blobs[mark] = size
                use.bytes += size
            }
        }
        for upload in arriving where quota.fits(upload.repository) {
            if let blob = upload.blob, use.has(blob) { continue }
            use.bytes += upload.bytes
        }
        return use
    }

    private func blobs(in folder: String) throws(CakeError) -> [Digest: UInt64] {
        try listings.blobs.value(of: folder, in: [folder]) { () throws(CakeError) in
            var sizes: [Digest: UInt64] = [:]
            for name in try names(in: folder) {
                guard let digest = Digest(hex: name), let status = try Disk.status(folder + "/" + name) else {
                    continue
                }
                sizes[digest] = status.size
            }
            return sizes
        }.value
    }

    private func marks(of repository: RepositoryName) throws(CakeError) -> [Digest] {
        let folder = registry.layout.repository(repository).blobs
        return try listings.marks.value(of: repository, in: [folder]) { () throws(CakeError) in
            try names(in: folder).compactMap { Digest(hex: $0) }
        }.value
    }

    private func manifests(of repository: RepositoryName) throws(CakeError) -> UInt64 {
        let folder = registry.layout.repository(repository).manifests
        return try listings.manifests.value(of: repository, in: [folder]) { () throws(CakeError) in
            var bytes: UInt64 = 0
            for name in try names(in: folder) { bytes += try Disk.status(folder + "/" + name)?.size ?? 0 }
            return bytes
        }.value
    }

    private func names(in folder: String) throws(CakeError) -> [String] {
        try Disk.exists(folder) ? Disk.names(in: folder) : []
    }

    /// Nil for an upload that ended meanwhile.
    private func arrival(in folder: String) throws(CakeError) -> Arriving? {
        guard let owner = try? Disk.read(folder + "/" + Upload.owner, limit: 1024),
            let repository = RepositoryName(String(decoding: owner, as: UTF8.self))
        else { return nil }
        let size = try Disk.status(folder + "/" + Upload.data, followingLinks: false)?.size ?? 0
        let room = reservation(in: folder)
        return Arriving(repository: repository, bytes: max(size, room?.bytes ?? 0), blob: room?.blob)
    }

    /// Nil if no request lives that made it.
    private func reservation(in folder: String) -> (bytes: UInt64, blob: Digest?)? {
        let path = folder + "/" + PushQuotas.Reservation.fileName
        guard let file = try? File(path, .read, followingLinks: false), let size = try? file.size(), size <= 128,
            (try? file.lock(exclusive: false, waiting: false)) == false,
            let text = try? file.bytes(at: 0, count: Int(size))
        else { return nil }
        let words = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard let first = words.first, let bytes = UInt64(first) else { return nil }
        return (bytes, words.dropFirst().first.flatMap { Digest(hex: String($0)) })
    }
}
