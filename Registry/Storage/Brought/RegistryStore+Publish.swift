internal import Codec
public import Model
internal import Platform
internal import Store

/// What a mirror brought into its work store goes into the storage, where every server has it.
extension RegistryStore {
    /// Puts a model of the work store into the storage: the files of the same commit that are there stay. Returns the model there, and
    /// its manifest in the work store; nil if that does not have it. `complete` are all files that a whole model has, if that is known. `isClosed` says
    /// what the upstream said last about the repository.
    public func publish(
        _ name: ModelName, complete: [SnapshotFile]?, isClosed: @escaping @Sendable () -> Bool?
    ) async throws(CakeError) -> (brought: Brought, manifest: Digest)? {
        var failure = Packing.moved
        for _ in 0..<RegistryStore.mostTries {
            guard let record = try store.record(of: name) else { return nil }
            do throws(CakeError) {
                if let done = try await publish(name, record, complete, isClosed) { return (done, record.manifest) }
            } catch {
                guard error.kind == .notFound else { throw error }
                failure = error
            }
            try store.refresh(checking: true)
        }
        throw failure
    }

    private func publish(
        _ name: ModelName, _ record: NameRecord, _ complete: [SnapshotFile]?,
        _ isClosed: @escaping @Sendable () -> Bool?
    ) async throws(CakeError) -> Brought? {
        // Against collections of the work store.
        let operation = try Operation(store)
        try operation.hold(manifest: record.manifest)
        defer { withExtendedLifetime(operation) {} }
        let seen = try broughtNow(name)
        var old: BroughtModel.Old?
        if let found = seen.found {
            do throws(CakeError) {
                old = try contents(of: found)
            } catch {
                // What is lost or damaged is replaced.
                guard !error.isOfNetwork else { throw error }
            }
        }
        let new = try BroughtModel(store.manifest(record.manifest), record, over: old, complete: complete)
        if let same = seen.found, !new.adds { return same }
        return try await publish(new, as: name, over: seen, isClosed, in: operation)
    }

    /// Takes a name from the work store, if it still leads to that manifest.
    public func forget(_ name: ModelName, at manifest: Digest) throws(CakeError) {
        try store.remove(name, evenIfPinned: true) { record throws(CakeError) in
            guard record.manifest == manifest else { throw CakeError(.locked, "\(name) has another model now") }
        }
    }

    /// Nil when another server was faster, or something is gone.
    private func publish(
        _ new: BroughtModel, as name: ModelName, over old: Seen, _ isClosed: @escaping @Sendable () -> Bool?,
        in operation: Operation
    ) async throws(CakeError) -> Brought? {
        // A base may be a layer of a model that not everyone may have.
        var deltas: Set<Digest> = []
        for layer in new.manifest.layers where layer.size > 0 {
            if try store.findAnywhere(layer)?.base != nil { deltas.insert(layer.digest) }
        }
        let plain = try await objectsAlone(of: new.manifest, deltas, in: operation)
        let packing = try Packing(
            new.manifest.layers, of: store, plain: plain, beside: earlier(for: new.manifest, name, new.index))
        for one in packing.new {
            guard !Task.isCancelled else { throw CakeError(.failed, "\(name) is published when the server runs again") }
            try put(StorageBody(ObjectRuns(one.objects)), as: one.digest)
        }
        let read = try SmallFiles(of: new, self).bytes
        let text = ManifestText.encode(new.manifest)
        var record = new.record(SHA256.digest(of: text.span))
        let named = LocalStore.Named(name: name, record: record)
        let artifact = ModelArtifact(
            config: try put(blob: store.config(of: new.manifest, called: record.manifest, read: read)),
            manifest: try put(blob: text), index: try put(blob: packing.index.encoded), packs: packing.index.packs,
            annotations: store.annotations(of: named, new.manifest, naming: { _ in nil }, read: read))
        let bytes = artifact.encoded
        let stored = BlobName(SHA256.digest(of: bytes.span))
        guard try shelve(artifact, bytes, as: stored) else { return nil }
        record.artifact = stored.sha256
        if let closed = isClosed() { record.mark = closed ? .mirroredClosed : .mirrored }
        if let earlier = old.found, earlier.record.commit != record.commit { try keep(earlier) }
        let isPut = try storage.put(StorageBody(record.encode()), at: keys.broughtName(name), if: old.condition)
        // One that no record had named for long may have been removed in this moment.
        guard isPut, try storage.lookAgain(at: keys.brought.manifest(stored)) != nil else { return nil }
        return Brought(name, record.encode())
    }

    /// The manifest, with marks for all that it names. False if something is not there any more. A collection may be at work beside:
    /// the steps are those of a manifest that is pushed.
    private func shelve(_ artifact: ModelArtifact, _ bytes: [UInt8], as name: BlobName) throws(CakeError) -> Bool {
        guard let values = storage.distant else { return false }
        let start = values.timing.now()
        let blobs =
            [artifact.config, artifact.manifest, artifact.index].compactMap(\.name.sha256)
            + artifact.packs.map(\.digest)
        let marks = blobs.map(keys.brought.blob)
        for (blob, saved) in zip(blobs, try values.save(blobs)) where saved == .isBeingRemoved {
            try values.saveOrWait(blob)
        }
        try storage.mark(marks)
        let line = RegistryStore.mark + RegistryManifest.image + "\n"
        try storage.put(StorageBody(Array(line.utf8) + bytes), at: keys.brought.manifest(name))
        guard try !values.save(blobs).contains(.isBeingRemoved) else { return false }
        try values.lookAgain(at: blobs.map(keys.blob) + marks)
        for blob in blobs {
            guard try storage.look(at: keys.blob(blob)) != nil, try storage.look(at: keys.brought.blob(blob)) != nil
            else { return false }
        }
        return try has(artifact.packs, on: .brought) && values.timing.now() - start < Tombstone.longestRequest
    }

    /// A branch moved: the commit that it had keeps a name of its own.
    private func keep(_ old: Brought) throws(CakeError) {
        guard let commit = old.record.commit, Revision.isCommit(commit),
            let name = try? ModelName("\(old.name.withoutRevision)@\(commit)"), name != old.name
        else { return }
        try storage.put(StorageBody(old.record.encode()), at: keys.broughtName(name), if: .absent)
    }

    private func contents(of brought: Brought) throws(CakeError) -> BroughtModel.Old {
        guard let stored = try rawManifest(brought.artifact, at: keys.brought) else {
            throw CakeError(.notFound, "the manifest of \(brought.name) is not in the storage any more")
        }
        let artifact = try ModelArtifact(RegistryManifest(parsing: stored.bytes.span))
        guard try has(artifact.packs, on: .brought) else { throw Packing.moved }
        let manifest = try text(artifact.manifest, limit: ManifestText.maximumSize)
        let index = try text(artifact.index, limit: PackIndex.maximumSize)
        return BroughtModel.Old(
            record: brought.record, artifact: artifact, manifest: try ManifestText.decode(manifest.span),
            index: try PackIndex(decoding: index.span))
    }

    private func text(_ blob: Descriptor, limit: Int) throws(CakeError) -> [UInt8] {
        guard let digest = blob.name.sha256, let bytes = try bytes(of: digest, limit: limit) else {
            throw CakeError(.notFound, "a blob of a model is not in the storage any more")
        }
        return bytes
    }

    /// Indexes of packs that may be listed. Readers of a model may have all packs of other commits of its repository, and of
    /// any model those that hold nothing but layers of this one.
    private func earlier(
        for manifest: Manifest, _ name: ModelName, _ own: PackIndex?
    ) throws(CakeError) -> [PackIndex] {
        var found = [own].compactMap(\.self)
        let layers = Set(manifest.layers.map(\.digest))
        var others: [(brought: Brought, shared: Int, isNear: Bool)] = []
        for one in try allBrought() where one.name != name {
            let isNear = one.name.withoutRevision == name.withoutRevision
            // Others are looked into as far as they were read lately.
            guard let summary = isNear ? try summary(of: one.record.manifest) : models[one.record.manifest] else {
                continue
            }
            let shared = layers.count { summary.has($0) }
            if isNear ? shared > 0 : shared > layers.count / 2 { others.append((one, shared, isNear)) }
        }
        others.sort { ($1.shared, $0.brought.name) < ($0.shared, $1.brought.name) }
        for other in others.prefix(RegistryStore.mostBesides) {
            guard let index = try? contents(of: other.brought).index else { continue }
            if let part = other.isNear ? index : index.packs(within: layers) { found.append(part) }
        }
        return found
    }

    private static let mostBesides = 8
}

/// Small files of a model, in the work store or in the packs that are there.
private struct SmallFiles {
    private let readers: [LayerReader]

    init(of new: BroughtModel, _ registry: RegistryStore) throws(CakeError) {
        var readers = [LayerReader(registry.store)]
        if let old = new.old {
            let objects = try PackedObjects(of: old.artifact, on: .brought, registry)
            readers.append(LayerReader(registry.store, from: objects))
        }
        self.readers = readers
    }

    func bytes(of file: Manifest.File, limit: Int) -> [UInt8]? {
        for reader in readers {
            do throws(CakeError) { return try reader.bytes(of: file, limit: limit) } catch { continue }
        }
        return nil
    }
}

extension PackIndex {
    /// Of the packs those without any other layer.
    fileprivate func packs(within layers: Set<Digest>) -> PackIndex? {
        var isWithin = [Bool](repeating: true, count: packs.count)
        for member in members where !layers.contains(member.layer.digest) || member.base != nil {
            isWithin[member.pack] = false
        }
        let kept = packs.indices.filter { isWithin[$0] }
        let numbers = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
        let members = members.compactMap { member in numbers[member.pack].map { member.moved(to: $0) } }
        return members.isEmpty ? nil : try? PackIndex(packs: kept.map { packs[$0] }, members: members)
    }
}
