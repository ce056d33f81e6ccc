internal import Model
internal import Platform
internal import Store

/// Making the manifest of a model, with all that it names.
extension RegistryStore {
    /// So often the store may replace an object in the middle of it.
    private static let attempts = 4
    /// Indexes of so many other models are looked into.
    private static let mostEarlier = 8

    func make(_ served: Served, except ancestors: Set<Digest>) async throws(CakeError) -> ModelRecord {
        let digest = served.named.record.manifest
        var failure = Packing.moved
        for _ in 0..<RegistryStore.attempts {
            // Against collections, until second names hold the bytes.
            let operation = try Operation(store)
            try operation.hold(manifest: digest)
            defer { withExtendedLifetime(operation) {} }
            do throws(CakeError) {
                let manifest = try store.manifest(digest)
                let view = try AudienceView(of: manifest, sharing(in: served.place.repository), store)
                try await makeFamily(of: view, of: digest, except: ancestors)
                let alone = try await objectsAlone(of: manifest, view.alone, in: operation)
                let packing = try Packing(manifest.layers, of: store, alone: alone, earlier: earlier(for: view))
                if let record = try publish(packing, manifest, served, view) { return record }
            } catch let error where error.kind == .notFound { failure = error }
            try store.refresh(checking: true)
        }
        throw failure
    }

    /// A model whose layers are deltas of another's lists that one's packs: they must be there first.
    private func makeFamily(
        of view: AudienceView, of digest: Digest, except ancestors: Set<Digest>
    ) async throws(CakeError) {
        let bases = Set(view.bases.values).subtracting(view.own)
        guard !bases.isEmpty else { return }
        var best: (served: Served, count: Int)?
        let others = ancestors.union([digest])
        for one in shown where !others.contains(one.named.record.manifest) {
            guard let manifest = try? store.manifest(one.named.record.manifest) else { continue }
            let count = manifest.layers.count { bases.contains($0.digest) }
            if count > best?.count ?? 0 { best = (one, count) }
        }
        if let best { _ = try await record(of: best.served, except: others) }
    }

    /// Indexes of models that share layers with this one, the most first, of objects as the store has them.
    private func earlier(for view: AudienceView) throws(CakeError) -> [PackIndex] {
        let wanted = view.own.union(view.bases.values)
        var found: [(index: PackIndex, bytes: UInt64, name: BlobName)] = []
        for repository in try allRepositories() {
            for (record, _) in try modelRecords(in: repository) where try isCurrent(record, in: repository) {
                guard let whole = try index(of: record), let index = try shared(whole, with: view) else { continue }
                let shared = index.members.reduce(0) { wanted.contains($1.layer.digest) ? $0 + $1.length : $0 }
                if shared > 0 { found.append((index, shared, record.stored.name)) }
            }
        }
        found.sort { ($1.bytes, $0.name) < ($0.bytes, $1.name) }
        return found.prefix(RegistryStore.mostEarlier).map(\.index)
    }

    /// Of an index the packs that all readers of the model may have whole, and of their members those that are as the model
    /// has them.
    private func shared(_ index: PackIndex, with view: AudienceView) throws(CakeError) -> PackIndex? {
        if view.sharing.allowsAll { return index }
        var (packs, numbers) = ([PackIndex.Pack](), [Int: Int]())
        for (number, pack) in index.packs.enumerated() {
            guard let held = try heldPack(pack.digest), held.objects.allSatisfy({ view.allows($0.layer.digest) }) else {
                continue
            }
            numbers[number] = packs.count
            packs.append(pack)
        }
        let members = index.members.compactMap { member -> PackIndex.Member? in
            guard let number = numbers[member.pack], member.base == view.bases[member.layer.digest] else { return nil }
            if let base = member.base, index[base].map({ numbers[$0.pack] == nil }) ?? true { return nil }
            return member.moved(to: number)
        }
        return members.isEmpty ? nil : try PackIndex(packs: packs, members: members)
    }

    /// Nil when the store has replaced an object since it was hashed, or a pack is gone.
    private func publish(
        _ packing: Packing, _ manifest: Manifest, _ served: Served, _ view: AudienceView
    ) throws(CakeError) -> ModelRecord? {
        let model = served.named.record.manifest
        let config = store.config(of: manifest, called: model)
        let repository = served.place.repository
        return try locked(alone: false) { () throws(CakeError) -> ModelRecord? in
            for one in packing.new where try !hold(one.objects, as: one.pack.objects) { return nil }
            for one in packing.new where try storage.look(at: keys.pack(one.digest)) == nil {
                try storage.put(StorageBody(one.pack.encoded), at: keys.pack(one.digest))
            }
            for pack in packing.index.packs where try storage.look(at: keys.pack(pack.digest)) == nil {
                packs.removeAll()
                return nil
            }
            let artifact = ModelArtifact(
                config: try put(blob: config), manifest: try put(blob: ManifestText.encode(manifest)),
                index: try put(blob: packing.index.encoded), packs: packing.index.packs,
                annotations: store.annotations(
                    of: served.named, manifest,
                    naming: { base in
                        view.sharing.allowsAll ? store.placeInRegistry(of: base) : nil
                    }))
            let bytes = artifact.encoded
            let name = BlobName(SHA256.digest(of: bytes.span))
            let blobs = [artifact.config, artifact.manifest, artifact.index].compactMap(\.name.sha256)
            try mark(blobs + packing.index.packs.map(\.digest), in: repository)
            let line = RegistryStore.modelMark + model.hex + "\n"
            try storage.put(StorageBody(Array(line.utf8) + bytes), at: keys.repository(repository).model(name))
            let stored = StoredManifest(name: name, mediaType: RegistryManifest.image, bytes: bytes, of: model)
            return ModelRecord(model: model, stored: stored)
        }
    }
}
