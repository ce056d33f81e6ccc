public import Model
internal import Platform
internal import Store

/// The manifests that a repository served of the store's models, and pushed ones: the facts that decide access to a
/// blob.
extension RegistryStore {
    /// A manifest that was made of a model, and all that it names.
    public struct Given: Sendable {
        let name: BlobName
        public let model: Digest
        public let packs: [Digest]
        let blobs: Set<Digest>

        init(_ record: ModelRecord) throws(CakeError) {
            let manifest = try RegistryManifest(parsing: record.stored.bytes.span)
            name = record.stored.name
            model = record.model
            packs = manifest.layers.filter { $0.mediaType == ModelArtifact.packType }.compactMap(\.name.sha256)
            blobs = Set(manifest.named.compactMap(\.name.sha256))
        }
    }

    /// Changes with everything that may decide access to a blob of a repository.
    public struct BlobState: Hashable, Sendable {
        fileprivate let names: UInt64
        fileprivate let given: UInt64
        fileprivate let pushed: UInt64
    }

    var shownModels: (value: ShownModels, number: UInt64) {
        if isDistant { return (ShownModels([]), 0) }
        let found = try? seen.names.value(of: 0, in: ([store] + store.lower).map(\.layout.names) + [layout.served]) {
            () throws(CakeError) in
            let chosen = chosenNames()
            let shown = ShownModels(try store.allNames(), chosen: chosen, before: seen.last.value)
            try? remember(shown, beside: chosen)
            seen.last.note(shown)
            return shown
        }
        return found ?? (ShownModels(), 0)
    }

    /// Empty while a name cannot be read: pushed models are still there. Empty for a read-only store, where no manifest
    /// could be saved.
    var shown: [Served] {
        if isDistant { return (try? shownBrought { _ in true }) ?? [] }
        return store.isWritable ? shownModels.value.served : []
    }

    func shown(in repository: RepositoryName) -> [Served] {
        if isDistant { return (try? shownBrought { ServedName($0)?.repository == repository }) ?? [] }
        return shown.filter { $0.place.repository == repository }
    }

    func given(in repository: RepositoryName) throws(CakeError) -> (value: [Given], number: UInt64) {
        if isDistant { return (try broughtGiven(in: repository), 0) }
        return try seen.given.value(of: repository, in: [layout.repository(repository).models]) {
            () throws(CakeError) in
            try modelRecords(in: repository).map { found throws(CakeError) in try Given(found.record) }
        }
    }

    /// Everything that the pushed manifests of a repository name, except blobs that are elsewhere.
    private func pushed(to repository: RepositoryName) throws(CakeError) -> (value: Set<Digest>, number: UInt64) {
        // There the marks say what was pushed.
        if isDistant { return ([], 0) }
        return try seen.pushed.value(of: repository, in: [layout.repository(repository).manifests]) {
            () throws(CakeError) in
            var named: Set<Digest> = []
            for name in try manifests(in: repository) {
                guard let stored = try manifest(.digest(name), in: repository),
                    let manifest = try? RegistryManifest(parsing: stored.bytes.span)
                else { continue }
                for descriptor in manifest.needed {
                    if let digest = try digest(of: descriptor.name) { named.insert(digest) }
                }
            }
            return named
        }
    }

    /// Whether a repository may still serve manifests made from a model.
    public func isGiven(_ model: Digest, in repository: RepositoryName) -> Bool {
        if isDistant { return shown(in: repository).contains { $0.named.record.manifest == model } }
        return shownModels.value.isGiven(model, in: repository)
    }

    /// Whether readers of the repository may surely have its blob: it served none of the store's models, and the bytes
    /// are as they were pushed.
    public func isPlainlyPushed(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> Bool {
        if isDistant {
            guard let digest = try digest(of: name) else { return false }
            return try storage.look(at: keys.repository(repository).blob(digest)) != nil
        }
        if try Disk.exists(layout.repository(repository).models) { return false }
        return try isWrittenDown(name)
    }

    /// The same of a blob whose file is there.
    public func isPlainlyPushed(_ again: BlobAgain) -> Bool { (try? Disk.exists(again.models)) == false }

    public func blobState(of repository: RepositoryName) throws(CakeError) -> BlobState {
        BlobState(
            names: shownModels.number, given: try given(in: repository).number,
            pushed: try pushed(to: repository).number)
    }

    /// Whether a manifest that was pushed to the repository names the blob.
    public func isNamedByPushed(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> Bool {
        guard let digest = try digest(of: name) else { return false }
        return try pushed(to: repository).value.contains(digest)
    }

    /// The manifests of models of the store in the repository that name the blob.
    public func given(naming name: BlobName, in repository: RepositoryName) throws(CakeError) -> [Given] {
        guard let digest = try digest(of: name) else { return [] }
        return try given(in: repository).value.filter { $0.blobs.contains(digest) }
    }

    /// The blobs of a manifest that was made from a model.
    public func given(as name: BlobName, in repository: RepositoryName) throws(CakeError) -> Given? {
        try given(in: repository).value.first { $0.name == name }
    }

    /// The layers of a pack that is made of objects of the store; nil of every other blob.
    public func layers(ofPack name: BlobName) throws(CakeError) -> [Digest]? {
        try digest(of: name).flatMap { digest throws(CakeError) in try heldPack(digest) }?.objects.map(\.layer.digest)
    }

    /// Whether the bytes of a blob are stored as they were pushed.
    public func isWrittenDown(_ name: BlobName) throws(CakeError) -> Bool {
        guard let digest = try digest(of: name) else { return false }
        return try storage.look(at: keys.blob(digest)) != nil
    }

    /// A client pushed the blob itself. It stays readable when a closed model names it, too.
    public func claim(_ name: BlobName, in repository: RepositoryName) throws(CakeError) {
        guard let digest = try digest(of: name) else { return }
        let shown = shownModels.value
        let hidden = try given(in: repository).value.filter {
            $0.blobs.contains(digest) && !shown.isGiven($0.model, in: repository)
        }
        if !hidden.isEmpty { try drop(hidden, from: repository, butNot: digest) }
    }

    /// Forgets manifests of a closed name that is about to be removed: they have no grace.
    func forget(_ name: ModelName) throws(CakeError) {
        guard let repository = ServedName(name)?.repository else { return }
        let shown = shownModels.value
        let hidden = try given(in: repository).value.filter { !shown.isOpen($0.model, in: repository) }
        if !hidden.isEmpty { try drop(hidden, from: repository) }
    }

    /// Marks are removed before the manifest that they were made for: otherwise its blobs would look pushed.
    private func drop(
        _ dropped: [Given], from repository: RepositoryName, butNot kept: Digest? = nil
    ) throws(CakeError) {
        let place = layout.repository(repository)
        let names = Set(dropped.map(\.name))
        try locked(alone: true) { () throws(CakeError) in
            var needed = try pushed(to: repository).value
            for other in try given(in: repository).value where !names.contains(other.name) {
                needed.formUnion(other.blobs)
            }
            if let kept { needed.insert(kept) }
            for blob in dropped.reduce(into: Set<Digest>(), { $0.formUnion($1.blobs) }).subtracting(needed) {
                try Disk.remove(place.blob(blob))
            }
            try Disk.syncFolder(place.blobs)
            for name in names { try Disk.remove(place.model(name)) }
            try Disk.syncFolder(place.models)
            try removeIfEmpty(repository)
        }
    }
}

/// Names and repositories that were read recently.
final class SeenFolders: Sendable {
    let names = FolderCache<Int, ShownModels>(room: 1)
    let last = LastShown()
    let given = FolderCache<RepositoryName, [RegistryStore.Given]>(room: 4096)
    let pushed = FolderCache<RepositoryName, Set<Digest>>(room: 256)
    let sharings = KnownSharings()
}
