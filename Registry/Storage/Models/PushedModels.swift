internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// A model that was pushed to a registry: under a tag, or one that a tag had before. Or one that a mirror brought.
struct PushedModel: Hashable, Sendable {
    let shelf: RegistryShelf
    let tag: TagName?
    /// Its manifest in the registry.
    let artifact: BlobName
    /// The model's own.
    let model: Digest
    /// When it got the tag: seconds since 1970.
    let time: Int

    /// Opened once for all its tags.
    fileprivate var key: PushedModels.Key { PushedModels.Key(shelf: shelf, artifact: artifact) }
}

/// Pushed models, and opened ones among them: rebuilt from packs, and not part of the store.
final class PushedModels: Sendable {
    fileprivate struct Key: Hashable {
        let shelf: RegistryShelf
        let artifact: BlobName
    }

    /// A readable one: its files, and its layers by its index. The same artifact always gives the same.
    struct Opened: Sendable {
        let manifest: Manifest
        let reader: LayerReader
        let objects: PackedObjects
        fileprivate let packs: [PackIndex.Pack]
        /// Bytes of its manifest's text.
        fileprivate let weight: UInt64
    }

    let registry: RegistryStore
    /// Of the text of manifests; decoded, they take a few times as much.
    private let opened = BoundedCache<Key, Opened>(room: 32 << 20) { max(2 << 20, Int($0.weight)) }
    /// Models that were found consistent.
    private let whole = BoundedCache<Key, Bool>(room: mostKnown)
    /// Models that were not, and when.
    private let broken = BoundedCache<Key, (error: CakeError, time: Int)>(room: mostKnown)
    private let opening = Mutex(())

    private static let largestManifest: UInt64 = 64 << 20
    private static let mostKnown = 100_000
    /// A damaged model may be pushed again: it is checked again after this many seconds.
    private static let brokenLife = 30

    init(_ registry: RegistryStore) { self.registry = registry }

    /// Under every tag, whether they can be rebuilt or not.
    func all() throws(CakeError) -> [PushedModel] { try all(in: registry.allRepositories()) }

    func all(in repositories: [RepositoryName]) throws(CakeError) -> [PushedModel] {
        try registry.tagged(in: repositories).compactMap { one in
            one.model.map {
                PushedModel(
                    shelf: .repository(one.repository), tag: one.tag, artifact: one.artifact, model: $0, time: one.time)
            }
        }
    }

    func model(_ tag: TagName, in repository: RepositoryName) throws(CakeError) -> PushedModel? {
        guard let artifact = try registry.target(of: tag, in: repository),
            let model = try? registry.model(of: artifact, in: repository)
        else { return nil }
        let time = try registry.storage.look(at: registry.keys.repository(repository).tag(tag))?.time ?? 0
        return PushedModel(shelf: .repository(repository), tag: tag, artifact: artifact, model: model, time: time)
    }

    /// Models whose manifest's digest begins so, with any tag now or before.
    func models(_ digits: String, in repository: RepositoryName) throws(CakeError) -> [PushedModel] {
        let place = registry.keys.repository(repository)
        var found: [PushedModel] = []
        for artifact in try registry.manifests(in: repository) {
            guard let model = try? registry.model(of: artifact, in: repository), model.hex.hasPrefix(digits) else {
                continue
            }
            let time = try registry.storage.look(at: place.manifest(artifact))?.time ?? 0
            found.append(
                PushedModel(shelf: .repository(repository), tag: nil, artifact: artifact, model: model, time: time))
        }
        return found
    }

    /// Asks for what opening these needs, several at a time: then each is opened at once. Trouble is told by the opening.
    func prepare(_ models: [PushedModel]) {
        guard registry.isDistant else { return }
        try? registry.prepare(models.map { (artifact: $0.artifact, shelf: $0.shelf) })
    }

    /// Whether it can be rebuilt, as far as that is known without reading a pack.
    func isWhole(_ model: PushedModel) -> Bool {
        guard whole[model.key] != nil else { return (try? open(model)) != nil }
        return (try? registry.has(artifact(of: model).packs, on: model.shelf)) == true
    }

    func open(_ model: PushedModel) throws(CakeError) -> Opened {
        if let known = try known(model.key) { return known }
        // One at a time: the input may be long.
        return try opening.withLock { _ throws(CakeError) in
            if let known = try known(model.key) { return known }
            do throws(CakeError) {
                let opened = try read(model)
                broken[model.key] = nil
                whole[model.key] = true
                self.opened[model.key] = opened
                return opened
            } catch {
                whole[model.key] = nil
                // A missing blob may come at any moment, and costs little to look for.
                if error.kind == .damaged { broken[model.key] = (error, Machine.now) }
                throw error
            }
        }
    }

    private func known(_ key: Key) throws(CakeError) -> Opened? {
        if let known = opened[key] {
            guard try registry.has(known.packs, on: key.shelf) else { throw PushedModels.noPacks }
            return known
        }
        if let broken = broken[key], Machine.now - broken.time < PushedModels.brokenLife {
            throw broken.error
        }
        return nil
    }

    private func artifact(of model: PushedModel) throws(CakeError) -> ModelArtifact {
        guard let stored = try registry.manifest(model.artifact, on: model.shelf) else {
            throw CakeError(.notFound, "the manifest of the model is not in the registry any more")
        }
        return try ModelArtifact(RegistryManifest(parsing: stored.bytes.span))
    }

    private func read(_ model: PushedModel) throws(CakeError) -> Opened {
        let artifact = try artifact(of: model)
        guard try registry.has(artifact.packs, on: model.shelf) else { throw PushedModels.noPacks }
        let objects = try PackedObjects(of: artifact, on: model.shelf, registry)
        guard let blob = try registry.blob(artifact.manifest.name, on: model.shelf), let file = blob.file,
            blob.size == artifact.manifest.size
        else { throw CakeError(.notFound, "the model's own manifest is not in the registry") }
        guard blob.size <= PushedModels.largestManifest else {
            throw CakeError(.damaged, "the model's own manifest has \(blob.size) bytes, more than the limit")
        }
        let text = try file.bytes(at: 0, count: Int(blob.size))
        guard artifact.manifest.name.fits(text.span) else {
            if let digest = blob.digest { registry.doubted.add(digest) }
            throw CakeError(.notFound, "the model's own manifest does not match its digest")
        }
        let manifest = try ManifestText.decode(text.span)
        try objects.check(manifest)
        return Opened(
            manifest: manifest, reader: LayerReader(registry.store, from: objects), objects: objects,
            packs: artifact.packs, weight: blob.size)
    }

    private static var noPacks: CakeError {
        CakeError(.notFound, "a pack of the model is not in the registry", fix: "push the model again")
    }
}
