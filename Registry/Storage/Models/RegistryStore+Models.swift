public import Model
internal import Platform
public import Store
internal import Synchronization

/// The models of the store as artifacts: each gets a manifest with the first request for it, and the manifest then
/// never changes.
extension RegistryStore {
    /// A model of the store, and where the registry shows it.
    public struct Served: Sendable {
        public let place: ServedName
        public let named: LocalStore.Named

        /// Its manifest, of one that a mirror brought into another storage.
        var artifact: BlobName? { named.record.artifact.map { BlobName($0) } }
    }

    /// Every model that has a place.
    public func served() throws(CakeError) -> [Served] {
        ShownModels(try store.allNames(), chosen: chosenNames()).served
    }

    /// By tag, else by the commit that it was pulled at.
    func served(_ tag: TagName, in repository: RepositoryName) -> Served? {
        let here = shown(in: repository)
        return here.first { $0.place.tag == tag }
            ?? here.first { $0.named.record.commit.flatMap { ServedName.tag(for: $0) } == tag }
    }

    /// The manifest of a model under a tag; nil if none has it. Made if it does not exist, or if the store has encoded
    /// a layer again since.
    public func model(_ tag: TagName, in repository: RepositoryName) async throws(CakeError) -> StoredManifest? {
        guard store.isWritable, let served = served(tag, in: repository) else { return nil }
        if isDistant { return try brought(served)?.stored }
        let record = try await record(of: served, except: [])
        try? touch(record, in: repository)
        return record.stored
    }

    /// A manifest that was made of a model.
    struct ModelRecord: Sendable {
        let model: Digest
        let stored: StoredManifest
    }

    static let modelMark = "cake registry model 1 "

    func modelRecords(in repository: RepositoryName) throws(CakeError) -> [(record: ModelRecord, time: Int)] {
        let place = keys.repository(repository)
        var records: [(record: ModelRecord, time: Int)] = []
        for name in try modelNames(in: repository) {
            guard let record = try rawModelRecord(name, in: repository),
                let entry = try storage.look(at: place.model(name))
            else { continue }
            records.append((record, entry.time))
        }
        return records
    }

    func modelNames(in repository: RepositoryName) throws(CakeError) -> [BlobName] {
        if isDistant { return [] }
        return try storage.names(in: keys.repository(repository).models).compactMap { BlobName(fileName: $0) }
    }

    /// Nil also for one with wrong bytes, which is set aside, and made again with the next request for its tag.
    func modelRecord(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> ModelRecord? {
        do {
            return try rawModelRecord(name, in: repository)
        } catch let error where error.kind == .damaged {
            try? setAsideManifest(layout.repository(repository).model(name), name, in: repository) {
                () throws(CakeError) in _ = try rawModelRecord(name, in: repository)
            }
            return nil
        }
    }

    /// As it is stored; wrong bytes are an error.
    func rawModelRecord(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> ModelRecord? {
        if isDistant { return try broughtRecord(name, in: repository) }
        let key = keys.repository(repository).model(name)
        guard let all = try storage.bytes(at: key, limit: RegistryManifest.maximumSize + 256) else { return nil }
        let path = storage.name(of: key)
        let mark = Array(RegistryStore.modelMark.utf8)
        guard all.starts(with: mark), let end = all.firstIndex(of: UInt8(ascii: "\n")),
            let model = Digest(hex: String(decoding: all[mark.count..<end], as: UTF8.self))
        else {
            throw CakeError(
                .damaged, "\(Printable.escape(path)) does not name its model", fix: "delete the file")
        }
        let stored = StoredManifest(
            name: name, mediaType: RegistryManifest.image, bytes: Array(all[(end + 1)...]), of: model)
        guard name.fits(stored.bytes.span) else {
            throw CakeError(
                .damaged, "\(Printable.escape(path)) does not match its digest", fix: "delete the file")
        }
        return ModelRecord(model: model, stored: stored)
    }

    /// A client that got a manifest has a day to download its blobs.
    func touch(_ record: ModelRecord, in repository: RepositoryName) throws(CakeError) {
        let path = layout.repository(repository).model(record.stored.name)
        guard let status = try Disk.status(path), Machine.now - status.modified > 3600 else { return }
        try Disk.touch(path)
    }

    /// `ancestors` are models that wait for this one: a family may be deltas of each other, crosswise.
    func record(of served: Served, except ancestors: Set<Digest>) async throws(CakeError) -> ModelRecord {
        if let record = try currentRecord(of: served) { return record }
        guard ancestors.isEmpty else { return try await make(served, except: ancestors) }
        // Each waiting request holds a thread that others need.
        guard current.mayWait() else {
            throw CakeError(.locked, "the server is busy with the packs of other models")
        }
        defer { current.hasWaited() }
        // One at a time, here and in other processes: both would hash the same bytes.
        let lock = try File(store.layout.lock("packing"), .readWriteOrCreate)
        _ = try lock.lock(exclusive: true, waiting: true)
        defer { lock.unlock() }
        if let record = try currentRecord(of: served) { return record }
        return try await make(served, except: ancestors)
    }

    /// The youngest manifest of the model whose objects are those of the store.
    private func currentRecord(of served: Served) throws(CakeError) -> ModelRecord? {
        let model = served.named.record.manifest
        let repository = served.place.repository
        let place = keys.repository(repository)
        var found: [(record: ModelRecord, time: Int)] = []
        for name in try modelNames(in: repository) {
            // Damaged ones are set aside.
            guard let record = try modelRecord(name, in: repository), record.model == model,
                let entry = try storage.look(at: place.model(name))
            else { continue }
            found.append((record, entry.time))
        }
        for (record, _) in found.sorted(by: { $0.time > $1.time }) where try isCurrent(record, in: repository) {
            return record
        }
        return nil
    }

    /// Whether the store still has every object of the manifest unchanged, or has none of them, and all readers of the
    /// repository may have everything in its packs.
    func isCurrent(_ record: ModelRecord, in repository: RepositoryName) throws(CakeError) -> Bool {
        let state = try state(for: repository)
        if current.isKnown(record.stored.name, at: state) { return true }
        try store.refresh(checking: false)
        guard let index = try index(of: record) else { return false }
        let sharing = try sharing(in: repository)
        guard let model = sharing.allowsAll ? ModelSummary.empty : try summary(of: record.model) else { return false }
        for pack in index.packs {
            guard let held = try heldPack(pack.digest) else { return false }
            guard sharing.allowsAll || held.objects.allSatisfy({ sharing.allows($0.layer.digest, with: model) }) else {
                return false
            }
        }
        for member in index.members {
            guard let found = try store.findAnywhere(member.layer) else { continue }
            // Encoded again without a base that not every reader may have.
            if let base = found.base, member.base == nil, !sharing.allows(base, with: model) { continue }
            guard found.length == member.length, found.base == member.base else { return false }
        }
        current.add(record.stored.name, at: state)
        return true
    }

    /// Changes with the store's objects, and with the access to them.
    private func state(for repository: RepositoryName) throws(CakeError) -> Digest {
        let (objects, tokens, shown) = (try store.fingerprint(), try tokens(), shownModels)
        guard !tokens.all.isEmpty || !shown.value.closed.isEmpty else { return objects }
        let text = "\(objects.hex) \(repository) \(shown.number) \(letsAnybodyRead)\n"
        return SHA256.digest(of: (Array(text.utf8) + tokens.encoded).span)
    }

    func index(of record: ModelRecord) throws(CakeError) -> PackIndex? {
        let artifact = try ModelArtifact(RegistryManifest(parsing: record.stored.bytes.span))
        guard let digest = artifact.index.name.sha256,
            let bytes = try bytes(of: digest, limit: PackIndex.maximumSize)
        else { return nil }
        return try PackIndex(decoding: bytes.span)
    }
}

/// Which manifests were found to be of objects as the store has them, and in which state of the store.
final class CurrentModels: Sendable {
    private let known = BoundedCache<BlobName, Digest>(room: 1 << 16)
    private let waiting = Atomic(0)
    /// So many may wait for a manifest that is being made, of the threads that a server has.
    private static let mostWaiting = 8

    func mayWait() -> Bool {
        if waiting.add(1, ordering: .relaxed).newValue <= CurrentModels.mostWaiting { return true }
        hasWaited()
        return false
    }

    func hasWaited() { waiting.subtract(1, ordering: .relaxed) }

    func isKnown(_ name: BlobName, at state: Digest) -> Bool { known[name] == state }

    func add(_ name: BlobName, at state: Digest) { known[name] = state }
}
