public import Model
public import Store

/// The models of a store, and those that were pushed to its registry, as the repositories of a Hub.
public final class HubModels: Sendable {
    public struct Model: Sendable {
        public let place: HubPlace
        public let record: NameRecord
        /// Its place, if it is not the store's.
        let packed: PushedModel?

        init(_ place: HubPlace, _ record: NameRecord, in packed: PushedModel? = nil) {
            (self.place, self.record, self.packed) = (place, record, packed)
        }

        /// Whether its revision is known to be a tag.
        public var isTag: Bool { place.revision != Revision.main && packed?.tag?.text == place.revision }
        public var isPushed: Bool { if case .repository = packed?.shelf { true } else { false } }
    }

    /// A file and a Hub's identifier of its content.
    public struct File: Sendable {
        public let file: Manifest.File
        public let content: HubContent
    }

    public let pieces: PieceCache
    public let store: LocalStore
    let pushed: PushedModels
    let published = PublishedModels()
    private let lease: SharedLease

    public init(_ registry: RegistryStore) {
        store = registry.store
        pieces = PieceCache(store)
        lease = SharedLease(store)
        pushed = PushedModels(registry)
    }

    /// Every model that has a place, by its repository and revision.
    public func all(_ kind: HubRepository.Kind) throws(CakeError) -> [Model] {
        try stored().filter { $0.place.repository.kind == kind }
            .and(HubModels.models(pushed.all()).filter { $0.place.repository.kind == kind })
    }

    /// All revisions of a repository; empty if it is not here.
    public func revisions(of repository: HubRepository) throws(CakeError) -> [Model] {
        let pushed = try RepositoryName(of: repository).map { name throws(CakeError) in
            try HubModels.models(self.pushed.all(in: [name])).filter(isWhole)
        }
        return try stored(of: repository).filter { $0.place.repository == repository }.and(pushed ?? [])
    }

    private func stored(of repository: HubRepository? = nil) throws(CakeError) -> [Model] {
        try brought(of: repository).and(
            store.allNames().compactMap { named in HubPlace(named.name, named.record).map { Model($0, named.record) } })
    }

    /// The result for a repository and a revision.
    public enum Found: Sendable {
        case model(Model)
        /// There are others of the repository.
        case noRevision
        case noRepository
    }

    /// Without a revision it is `main`, or else the first. A branch under a name of its own comes before a model that
    /// was once pulled by that branch.
    public func find(_ repository: HubRepository, _ revision: String?) throws(CakeError) -> Found {
        if let found = try quickly(repository, revision ?? Revision.main) { return .model(found) }
        let here = try revisions(of: repository)
        guard let first = here.first else { return .noRepository }
        guard let revision else { return .model(first) }
        let ranked = here.compactMap { model in model.place.rank(of: revision).map { (model, $0) } }
        return ranked.min { $0.1 < $1.1 }.map { .model($0.0) } ?? .noRevision
    }

    /// A model that no upstream is asked about: it was imported, made here, or pushed.
    public func made(
        _ repository: HubRepository, _ revision: String?, unless isFromUpstream: (NameRecord) -> Bool
    ) throws(CakeError) -> Found? {
        guard let found = try quickly(repository, revision ?? Revision.main) else {
            let here = try revisions(of: repository).filter { !isFromUpstream($0.record) }
            return here.isEmpty ? nil : try find(repository, revision)
        }
        return isFromUpstream(found.record) ? nil : .model(found)
    }

    /// The models of that very name, if a Hub could show them: of one that a mirror brings some files may be in the store, and
    /// others in another storage.
    public func models(called name: ModelName) throws(CakeError) -> [Model] {
        try [brought(name), inStore(name)].compactMap(\.self)
    }

    private func inStore(_ name: ModelName) throws(CakeError) -> Model? {
        for place in [store] + store.lower {
            guard let record = try place.record(of: name) else { continue }
            return HubPlace(name, record).map { Model($0, record) }
        }
        return nil
    }

    /// Most requests use the name that it has here, or its commit: then one record is read, not all. The store's model
    /// under a name comes before a pushed one.
    private func quickly(_ repository: HubRepository, _ revision: String) throws(CakeError) -> Model? {
        let prefix = repository.kind == .model ? "" : repository.kind.plural + "/"
        for id in prefix.isEmpty ? [repository.id] : [repository.id, prefix + repository.id] {
            for text in revision == Revision.main ? [id] : [id + "@" + revision, id] {
                guard let name = try? ModelName(text),
                    let model = try models(called: name).first(where: { $0.place.repository == repository }),
                    let rank = model.place.rank(of: revision), rank < 2
                else { continue }
                return model
            }
        }
        return try pushed(repository, revision)
    }

    /// Keeps a manifest's layers during a request, against any collection; nil for a read-only store.
    public func hold(_ manifest: Digest) throws(CakeError) -> Operation? { try lease.hold(manifest) }

    func hold(existing manifest: Digest) throws(CakeError) -> Operation? { try lease.hold(existing: manifest) }

    /// Makes the next questions about these quick.
    public func prepare(_ models: [Model]) { pushed.prepare(models.compactMap(\.packed)) }

    public func manifest(of model: Model) throws(CakeError) -> Manifest {
        if let packed = model.packed { return try pushed.open(packed).manifest }
        return try store.manifest(model.record.manifest)
    }

    public func file(_ file: Manifest.File, of model: Model) throws(CakeError) -> File {
        let etag = model.record.etags[file.path]
        return File(file: file, content: try store.hubContent(of: file, calling: etag, with: reader(of: model)))
    }

    public func file(at path: String, of model: Model) throws -> File? {
        guard (try? FilePath(path)) != nil, let found = try manifest(of: model).file(at: path) else { return nil }
        return try file(found, of: model)
    }

    /// A small file's bytes; nil if there is none, or it is larger.
    public func bytes(of path: String, of model: Model, limit: Int) throws(CakeError) -> [UInt8]? {
        guard let file = try manifest(of: model).file(at: path), file.size <= UInt64(limit) else { return nil }
        return try reader(of: model).bytes(of: file, limit: limit)
    }
}
