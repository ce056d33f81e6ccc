internal import Model
internal import Platform

/// Manifests of models, their packs, and the objects that are kept for them.
extension RegistryStore {
    /// Of a model that a name leads to here the youngest manifest stays, and each that a client got within the grace.
    /// The others are removed.
    func liveRecords(
        in repository: RepositoryName, of models: Set<Digest>, _ oldest: Int, isDryRun: Bool
    ) throws(CakeError) -> [StoredManifest] {
        var live: [StoredManifest] = []
        var seen: Set<Digest> = []
        for (record, time) in try modelRecords(in: repository).sorted(by: { $0.time > $1.time }) {
            let isFirst = seen.insert(record.model).inserted
            if time > oldest || isFirst && models.contains(record.model) {
                live.append(record.stored)
            } else if !isDryRun {
                try Disk.remove(layout.repository(repository).model(record.stored.name))
            }
        }
        return live
    }

    /// Packs that no manifest names any more, and objects that were kept only for these.
    func collectPacks(_ live: Set<Digest>, into collected: inout CollectedBlobs, isDryRun: Bool) throws(CakeError) {
        var needed: Set<String> = []
        for name in try storage.names(in: keys.packs) {
            guard let digest = Digest(hex: name) else { continue }
            if live.contains(digest) {
                if let pack = try heldPack(digest) { needed.formUnion(pack.objects.map(\.fileName)) }
            } else {
                collected.blobs += 1
                if !isDryRun { try Disk.remove(layout.pack(digest)) }
            }
        }
        for name in try storage.names(in: keys.held) where !needed.contains(name) {
            let path = layout.held + "/" + name
            // The store may have the same bytes: then nothing is freed.
            if let status = try Disk.status(path), status.names == 1 { collected.bytes += status.size }
            if !isDryRun { try Disk.remove(path) }
        }
        packs.removeAll()
    }
}
