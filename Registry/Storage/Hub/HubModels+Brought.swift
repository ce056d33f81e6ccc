public import Model
internal import Platform
public import Store

/// Models that mirrors brought into another storage.
extension HubModels {
    /// Of one repository, or of all.
    func brought(of repository: HubRepository?) throws(CakeError) -> [Model] {
        try pushed.registry.allBrought { name in
            repository.map { name.withoutRevision == HubModels.name(of: $0) } ?? true
        }.compactMap(HubModels.model)
    }

    /// Without a revision.
    public static func name(of repository: HubRepository) -> String {
        (repository.kind == .model ? "" : repository.kind.plural + "/") + repository.id
    }

    func brought(_ name: ModelName) throws(CakeError) -> Model? {
        try pushed.registry.brought(name).flatMap(HubModels.model)
    }

    public static func model(_ brought: RegistryStore.Brought) -> Model? {
        HubPlace(brought.name, brought.record).map { Model($0, brought.record, in: brought.model) }
    }

    /// Whether it lies in another storage than a store.
    public var isDistant: Bool { pushed.registry.isDistant }

    /// The registry that the models lie in.
    public var registry: RegistryStore { pushed.registry }

    /// A name in the work store leads to bytes that are in the storage now: readers of its manifest may be in the middle of them.
    public func publish(_ manifest: Digest, as brought: RegistryStore.Brought) {
        guard let model = HubModels.model(brought) else { return }
        published.models[manifest] = model
        published.models[brought.record.manifest] = model
    }

    /// A range of a file in a manifest that was in the store a moment ago, or is.
    public func bytes(_ range: Range<UInt64>, of file: Manifest.File, once manifest: Digest) throws(CakeError)
        -> RebuiltBytes
    {
        do throws(CakeError) {
            return RebuiltBytes(
                range, of: file, through: pieces, by: pieces.reader, holding: try hold(existing: manifest))
        } catch {
            guard let model = published.models[manifest] else { throw error }
            return try bytes(range, of: file, in: model)
        }
    }
}

/// Manifests of models that were published lately.
final class PublishedModels: Sendable {
    let models = BoundedCache<Digest, HubModels.Model>(room: 10_000)
}
