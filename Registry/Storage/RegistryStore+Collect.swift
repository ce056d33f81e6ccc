public import Model
internal import Platform
package import Store

/// What a collection removed from a registry, or would remove.
public struct CollectedBlobs: Sendable {
    public var blobs = 0
    public var bytes: UInt64 = 0
    public var uploads = 0
    /// Manifests that clients got within the grace, of models that have no name any more or are stored in another way.
    public var keptManifests = 0
    /// What only the packs of these keep.
    public var keptBytes: UInt64 = 0
    /// In object storage, blobs that were needed again while the collection waited.
    public var needed = 0
    /// In object storage, blobs whose removal is not known to have ended, or that another collection is removing.
    public var left = 0

    public init() {}
}

extension RegistryStore {
    /// Removes blobs that no manifest names, and abandoned uploads. A blob that was pushed, mounted or requested within
    /// the grace stays, because its manifest may still come. A manifest that cannot be read stops it.
    ///
    /// A dry run may be told what goes before: `removed` are names, `unlinked` files that a collection of the store removes.
    package func collect(
        grace: Duration, isDryRun: Bool, without removed: Set<ModelName> = [],
        unlinked: [DiskRoom.Inode: UInt64] = [:]
    ) throws(CakeError) -> CollectedBlobs {
        let oldest = Machine.now - Int(grace.components.seconds)
        return try locked(alone: true) { () throws(CakeError) in
            var collected = CollectedBlobs()
            for upload in try abandonedUploads(since: oldest) {
                collected.uploads += 1
                collected.bytes += upload.bytes
                if !isDryRun { try Disk.removeTree(upload.folder) }
                withExtendedLifetime(upload.lock) {}
            }
            var (live, lasting) = (Set<Digest>(), Set<Digest>())
            let models = try served().filter { !removed.contains($0.named.name) }
            var young: [StoredManifest] = []
            for repository in try allRepositories() {
                let wanted = models.filter { $0.place.repository == repository }.map(\.named.record.manifest)
                let records = try liveRecords(in: repository, of: Set(wanted), oldest, isDryRun: isDryRun)
                young += records.young
                let named = try namedBlobs(in: repository, records.lasting + records.young)
                live.formUnion(named)
                lasting.formUnion(try namedBlobs(in: repository, records.lasting))
                live.formUnion(try dropMarks(in: repository, but: named, oldest, isDryRun: isDryRun))
            }
            for shard in try storage.names(in: keys.blobs) {
                for name in try storage.names(in: keys.blobs + "/" + shard) {
                    guard let digest = Digest(hex: name), !live.contains(digest) else { continue }
                    let path = layout.blob(digest)
                    collected.blobs += 1
                    collected.bytes += try Disk.status(path)?.allocated ?? 0
                    if !isDryRun { try Disk.remove(path) }
                }
            }
            collected.keptManifests = young.count
            try collectPacks(live, lasting, unlinked, into: &collected, isDryRun: isDryRun)
            if !isDryRun { try tidy() }
            return collected
        }
    }

    /// Removes uploads without new bytes for this long.
    public func expire(_ life: Duration) throws(CakeError) {
        if isDistant { return try expireSessions(life) }
        try locked(alone: true) { () throws(CakeError) in
            for upload in try abandonedUploads(since: Machine.now - Int(life.components.seconds)) {
                try Disk.removeTree(upload.folder)
                withExtendedLifetime(upload.lock) {}
            }
        }
    }

    /// Of a repository all that its manifests name, whether it has a mark for it or not.
    private func namedBlobs(
        in repository: RepositoryName, _ records: [StoredManifest]
    ) throws(CakeError) -> Set<Digest> {
        var named: Set<Digest> = []
        var all = records
        for name in try manifests(in: repository) {
            if let stored = try rawManifest(name, in: repository) { all.append(stored) }
        }
        for stored in all {
            let manifest = try RegistryManifest(parsing: stored.bytes.span)
            for descriptor in [manifest.config].compactMap(\.self) + manifest.layers {
                if let digest = try digest(of: descriptor.name) { named.insert(digest) }
            }
        }
        return named
    }

    /// Removes old marks that belong to no manifest, and returns the blobs whose marks stay.
    private func dropMarks(
        in repository: RepositoryName, but named: Set<Digest>, _ oldest: Int, isDryRun: Bool
    ) throws(CakeError) -> Set<Digest> {
        let place = layout.repository(repository)
        var kept: Set<Digest> = []
        for name in try storage.names(in: keys.repository(repository).blobs) {
            guard let digest = Digest(hex: name) else { continue }
            if !named.contains(digest), let status = try Disk.status(place.blob(digest)), status.modified <= oldest {
                if !isDryRun { try Disk.remove(place.blob(digest)) }
            } else {
                kept.insert(digest)
            }
        }
        return kept
    }

    /// Aliases of blobs that are gone, leftovers of killed processes, and empty folders.
    private func tidy() throws(CakeError) {
        for name in try storage.names(in: keys.aliases) {
            guard let alias = BlobName("sha512:" + name) else { continue }
            if let digest = try digest(of: alias), try Disk.exists(layout.blob(digest)) { continue }
            try Disk.remove(layout.alias(alias))
        }
        for name in try storage.names(in: keys.aside) {
            let path = layout.aside + "/" + name
            guard let status = try Disk.status(path), Machine.now - status.modified > 3600 else { continue }
            try Disk.removeTree(path)
        }
        for repository in try allRepositories() { try removeIfEmpty(repository) }
    }

    /// A folder with nothing in it would look like a repository. The caller holds the lock alone.
    func removeIfEmpty(_ repository: RepositoryName) throws(CakeError) {
        let place = keys.repository(repository)
        for folder in [place.manifests, place.blobs, place.models] where try !storage.names(in: folder).isEmpty {
            return
        }
        try Disk.removeTree(layout.repository(repository).root)
    }
}
