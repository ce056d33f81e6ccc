internal import Model

/// Models that will be opened one after another.
extension RegistryStore {
    /// Asks for what opening these artifacts needs: manifests, then whether their blobs are there, then indexes and the models'
    /// own manifests. What comes is remembered, or in the cache.
    func prepare(_ artifacts: [(artifact: BlobName, shelf: RegistryShelf)]) throws(CakeError) {
        guard let values = storage.distant, let cache else { return }
        let places = artifacts.map { place(of: $0.shelf).manifest($0.artifact) }
        let texts = try storage.read(atEach: places, limit: RegistryStore.longestManifest)
        var looked: Set<String> = []
        var wanted: Set<Digest> = []
        for ((one, key), text) in zip(zip(artifacts, places), texts) {
            guard let text, let stored = try? StoredManifest(one.artifact, parsing: text.bytes, at: key),
                let artifact = try? ModelArtifact(RegistryManifest(parsing: stored.bytes.span))
            else { continue }
            let texts = [artifact.index, artifact.manifest].compactMap(\.name.sha256)
            wanted.formUnion(texts)
            let place = place(of: one.shelf)
            for digest in texts + artifact.packs.map(\.digest) {
                looked.formUnion([keys.blob(digest), place.blob(digest)])
            }
        }
        _ = try storage.look(atEach: looked.sorted())
        var blobs: [DistantBlob] = []
        for digest in wanted.sorted() { if let blob = try distantBlob(digest), blob.size > 0 { blobs.append(blob) } }
        let small = blobs
        try values.attempt { () throws(CakeError) in
            _ = try await DistantValues.each(small) { blob throws(CakeError) in
                let end = (blob.size + BlockCache.blockSize - 1) / BlockCache.blockSize
                _ = try await cache.block(0, of: blob, before: end)
            }
        }
    }
}
