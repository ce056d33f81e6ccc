internal import Model
internal import Platform
internal import Store

/// Manifests of models, their packs, and the objects that are kept for them.
extension RegistryStore {
    /// Of a model that a name leads to here one manifest stays, and each that a client got within the grace. The others
    /// are removed.
    func liveRecords(
        in repository: RepositoryName, of models: Set<Digest>, _ oldest: Int, isDryRun: Bool
    ) throws(CakeError) -> (lasting: [StoredManifest], young: [StoredManifest]) {
        var live: (lasting: [StoredManifest], young: [StoredManifest]) = ([], [])
        let records = try modelRecords(in: repository).sorted { $0.time > $1.time }
        let lasting = lastingRecords(of: models, records.map(\.record), in: repository)
        for (record, time) in records {
            if lasting[record.model] == record.stored.name {
                live.lasting.append(record.stored)
            } else if time > oldest {
                live.young.append(record.stored)
            } else if !isDryRun {
                try Disk.remove(layout.repository(repository).model(record.stored.name))
            }
        }
        return live
    }

    /// For each of the models the manifest of the way in which it is stored now; else the youngest, which come first.
    private func lastingRecords(
        of models: Set<Digest>, _ records: [ModelRecord], in repository: RepositoryName
    ) -> [Digest: BlobName] {
        var lasting: [Digest: BlobName] = [:]
        for (model, records) in Dictionary(grouping: records, by: \.model) where models.contains(model) {
            let current = records.count > 1 ? records.first { (try? isCurrent($0, in: repository)) == true } : nil
            lasting[model] = (current ?? records.first)?.stored.name
        }
        return lasting
    }

    /// Packs that no manifest names any more, and objects that were kept only for these.
    /// `lasting` are those that not only young manifests name, `unlinked` files of the store that a dry run takes for gone.
    func collectPacks(
        _ live: Set<Digest>, _ lasting: Set<Digest>, _ unlinked: [DiskRoom.Inode: UInt64],
        into collected: inout CollectedBlobs, isDryRun: Bool
    ) throws(CakeError) {
        var (needed, lastingFiles) = (Set<String>(), Set<String>())
        for name in try storage.names(in: keys.packs) {
            guard let digest = Digest(hex: name) else { continue }
            if live.contains(digest) {
                guard let pack = try heldPack(digest) else { continue }
                needed.formUnion(pack.objects.map(\.fileName))
                if lasting.contains(digest) { lastingFiles.formUnion(pack.objects.map(\.fileName)) }
            } else {
                collected.blobs += 1
                if !isDryRun { try Disk.remove(layout.pack(digest)) }
            }
        }
        for name in try storage.names(in: keys.held) where !lastingFiles.contains(name) {
            let path = layout.held + "/" + name
            // The store may have the same bytes: then nothing is freed.
            let status = try Disk.status(path)
            let room =
                status.map { $0.names == 1 + (unlinked[DiskRoom.Inode($0)] ?? 0) ? $0.allocated : 0 } ?? 0
            guard !needed.contains(name) else {
                collected.keptBytes += room
                continue
            }
            collected.bytes += room
            if !isDryRun { try Disk.remove(path) }
        }
        packs.removeAll()
    }
}
