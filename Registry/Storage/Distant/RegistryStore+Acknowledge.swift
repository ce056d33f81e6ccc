internal import Model
internal import Platform

/// A manifest in another storage. A collection may be at work beside: docs/decisions/0020 says why the order of these steps keeps
/// every blob of an acknowledged manifest.
extension RegistryStore {
    func putDistant(
        _ manifest: RegistryManifest, _ stored: StoredManifest, tags: [TagName], in repository: RepositoryName,
        where isGiven: (BlobName) throws(CakeError) -> Bool
    ) throws(CakeError) -> Lack? {
        guard let values = storage.distant else { return nil }
        let start = values.timing.now()
        let place = keys.repository(repository)
        if let removed = try saveBlobs(of: manifest, in: repository) { return .missing(removed) }
        if let lack = try findLack(of: manifest, in: repository, where: isGiven) { return lack }
        try markAgain(blobsOf: manifest, in: repository)
        // Before the manifest: a mark without a manifest is passed over, a manifest without its mark never found.
        if let subject = manifest.subject { try storage.mark([place.referrer(stored.name, of: subject.name)]) }
        let key = place.manifest(stored.name)
        let isNew = try storage.put(StorageBody(stored.text), at: key, if: .absent)
        // What is there may be damaged.
        if !isNew { try storage.put(StorageBody(stored.text), at: key) }
        // It stays: the next attempt finds its blobs held by it.
        if try saveBlobs(of: manifest, in: repository) != nil { throw busy }
        if let lack = try findLack(of: manifest, in: repository, where: isGiven) {
            // Another request may have acknowledged one that was there before.
            if isNew { try storage.remove(key) }
            return lack
        }
        guard values.timing.now() - start < Tombstone.longestRequest else { throw busy }
        for tag in tags { try storage.put(StorageBody(Array("\(stored.name)\n".utf8)), at: place.tag(tag)) }
        return nil
    }

    private var busy: CakeError {
        CakeError(.locked, "the blobs of the manifest could not be looked at in time", fix: "try again in a minute")
    }

    /// Takes away tombstones of the needed blobs, then looks at blobs and marks: in this order, so that what was removed between is
    /// missed. Returns one that is being removed.
    private func saveBlobs(
        of manifest: RegistryManifest, in repository: RepositoryName
    ) throws(CakeError) -> Descriptor? {
        guard let values = storage.distant else { return nil }
        let place = keys.repository(repository)
        var (owners, wanted): ([Digest: Descriptor], Set<String>) = ([:], [])
        for needed in manifest.needed {
            guard let digest = try digest(of: needed.name) else { continue }
            owners[digest] = needed
            wanted.formUnion([keys.blob(digest), place.blob(digest)])
        }
        let digests = owners.keys.sorted()
        for (digest, saved) in zip(digests, try values.save(digests)) where saved == .isBeingRemoved {
            return owners[digest]
        }
        try values.lookAgain(at: wanted.sorted())
        return nil
    }

    /// Marks that are about to count as old are put again: a collection that looked at them before leaves them then.
    private func markAgain(blobsOf manifest: RegistryManifest, in repository: RepositoryName) throws(CakeError) {
        let place = keys.repository(repository)
        let now = try storageTime()
        var old: Set<String> = []
        for needed in manifest.needed {
            guard let digest = try digest(of: needed.name), let mark = try storage.look(at: place.blob(digest)),
                now - mark.time > RegistryStore.youngMark
            else { continue }
            old.insert(place.blob(digest))
        }
        if !old.isEmpty { try storage.mark(old.sorted()) }
    }

    /// Seconds. A collection removes no mark that is younger than two of these.
    static let youngMark = 3600

    /// By the clock of another storage.
    func storageTime() throws(CakeError) -> Int {
        guard let values = storage.distant else { return Machine.now }
        return try values.attempt { () throws(CakeError) in try await values.clockNow() }
    }
}
