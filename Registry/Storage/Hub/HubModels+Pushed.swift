public import Model
internal import Platform
public import Store

/// Models that were pushed to the registry: their repository is the Hub's, and their tag is the revision.
extension HubModels {
    private static let latest = "latest"

    /// The tag `latest` is also `main`, if there is no tag `main`.
    static func models(_ pushed: [PushedModel]) -> [Model] {
        let withMain = Set(pushed.filter { $0.tag?.text == Revision.main }.map(\.shelf))
        return pushed.flatMap { one -> [Model] in
            let isMain = one.tag?.text == latest && !withMain.contains(one.shelf)
            return [one.tag?.text, isMain ? Revision.main : nil].compactMap(\.self).compactMap { model(one, as: $0) }
        }
    }

    private static func model(_ pushed: PushedModel, as revision: String) -> Model? {
        var record = NameRecord(manifest: pushed.model)
        record.time = pushed.time
        guard case .repository(let repository) = pushed.shelf, let name = try? ModelName("\(repository)@\(revision)"),
            let place = HubPlace(name, record)
        else {
            return nil
        }
        return Model(place, record, in: pushed)
    }

    /// By its tag, or by its commit, which a tag may have left: a client that began with it continues with it.
    func pushed(_ repository: HubRepository, _ revision: String) throws(CakeError) -> Model? {
        guard let name = RepositoryName(of: repository) else { return nil }
        for text in revision == Revision.main ? [revision, HubModels.latest] : [revision] {
            guard let tag = TagName(text), let found = try pushed.model(tag, in: name),
                let model = HubModels.model(found, as: revision), isWhole(model)
            else { continue }
            return model
        }
        guard Revision.isCommit(revision) else { return nil }
        return try pushed.models(revision, in: name).lazy.compactMap { HubModels.model($0, as: revision) }
            .first(where: isWhole)
    }

    func isWhole(_ model: Model) -> Bool { model.packed.map(pushed.isWhole) ?? true }

    /// Whether the packs of a pushed model have its layers, as far as that is known without reading one: its manifest
    /// alone is a claim.
    public func hasPacks(_ listed: RegistryStore.Listed) -> Bool {
        HubModels.pushed(listed).map(pushed.isWhole) ?? false
    }

    /// A layer as the packs of a model that was pushed have it.
    public struct PackedLayer: Sendable {
        public let layer: Layer
        /// Whether it is in no file as it would be sent.
        public let isMade: Bool
        fileprivate let kind: Tensor.Kind?
        fileprivate let opened: PushedModels.Opened
        fileprivate let registry: RegistryStore

        /// The layer as an object without a base. Nil where the packs do not have it any more.
        public func plainObject() async -> RegistryStore.Blob? {
            try? await registry.plainObject(of: layer, kind, in: opened.objects, read: opened.reader)
        }
    }

    /// Nil where the packs do not have it.
    public func packed(_ digest: Digest, in listed: RegistryStore.Listed) -> PackedLayer? {
        guard let model = HubModels.pushed(listed), let opened = try? pushed.open(model),
            let segment = opened.manifest.segments.first(where: { $0.layer.digest == digest }),
            let found = try? opened.objects.openAnywhere(segment.layer)
        else { return nil }
        return PackedLayer(
            layer: segment.layer, isMade: found.base != nil || !found.object.file.isHere, kind: segment.tensor?.kind,
            opened: opened,
            registry: pushed.registry)
    }

    private static func pushed(_ listed: RegistryStore.Listed) -> PushedModel? {
        listed.artifact.map {
            PushedModel(
                shelf: listed.isBrought ? .brought : .repository(listed.repository), tag: listed.tag, artifact: $0,
                model: listed.model, time: 0)
        }
    }

    /// The reader of a model's layers.
    func reader(of model: Model) throws(CakeError) -> LayerReader {
        guard let packed = model.packed else { return pieces.reader }
        return try pushed.open(packed).reader
    }

    /// A range of a file, rebuilt while it is sent. Its layers stay until then, whatever is removed meanwhile; of a
    /// pushed model opened files stay, and others may be missing.
    public func bytes(
        _ range: Range<UInt64>, of file: Manifest.File, in model: Model
    ) throws(CakeError) -> RebuiltBytes {
        guard model.packed != nil else { return try bytes(range, of: file, inManifest: model.record.manifest) }
        return RebuiltBytes(range, of: file, through: pieces, by: try reader(of: model), holding: nil)
    }

    /// The same of a manifest of the store.
    public func bytes(
        _ range: Range<UInt64>, of file: Manifest.File, inManifest manifest: Digest
    ) throws(CakeError) -> RebuiltBytes {
        let held = try hold(manifest)
        return RebuiltBytes(range, of: file, through: pieces, by: pieces.reader, holding: held)
    }

    /// A range of a blob of the model in another tool's shape. Throws when the model was removed.
    public func bytes(
        _ range: Range<UInt64>, of plan: BlobPlan, inManifest manifest: Digest
    ) throws(CakeError) -> PlannedBytes {
        let held = try hold(existing: manifest)
        return PlannedBytes(range, of: plan, through: pieces, by: pieces.reader, holding: held)
    }
}

extension RepositoryName {
    /// The place in a registry of a Hub's repository; nil if none is possible. A registry has no capitals.
    init?(of repository: HubRepository) {
        self.init(repository.kind == .model ? repository.id : "\(repository.kind.plural)/\(repository.id)")
    }
}

extension [HubModels.Model] {
    private struct Place: Hashable {
        let repository: HubRepository
        let revision: String

        init(_ place: HubPlace) { (repository, revision) = (place.repository, place.revision) }
    }

    /// With models that have other places than all of these.
    func and(_ others: [HubModels.Model]) -> [HubModels.Model] {
        let taken = Set(map { Place($0.place) })
        return self + others.filter { !taken.contains(Place($0.place)) }
    }
}
