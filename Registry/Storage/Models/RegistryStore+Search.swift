public import Model
internal import Platform
internal import Store

/// Facts about models, of the store or pushed.
extension RegistryStore {
    /// A model as clients find it.
    public struct Listed: Sendable {
        public let repository: RepositoryName
        public let tag: TagName
        /// The model's own manifest, by its name.
        public let model: Digest
        /// Its manifest in the registry; nil of a model of the store.
        public let artifact: BlobName?
        /// By a mirror, into another storage.
        let isBrought: Bool
    }

    /// Every model that has a tag, sorted by repository.
    public func models(where mayRead: (RepositoryName) -> Bool) throws(CakeError) -> [Listed] {
        var found: [RepositoryName: [TagName: Listed]] = [:]
        func add(
            _ repository: RepositoryName, _ tag: TagName, _ model: Digest?, _ artifact: BlobName?,
            isBrought: Bool = false
        ) {
            found[repository, default: [:]][tag] = model.map {
                Listed(repository: repository, tag: tag, model: $0, artifact: artifact, isBrought: isBrought)
            }
        }
        for one in shown where mayRead(one.place.repository) {
            let record = one.named.record
            add(one.place.repository, one.place.tag, record.manifest, one.artifact, isBrought: one.artifact != nil)
        }
        // Another pushed artifact hides a model of the store with the same tag.
        for one in try tagged(in: allRepositories().filter(mayRead)) {
            add(one.repository, one.tag, one.model, one.artifact)
        }
        return found.sorted { $0.key < $1.key }.flatMap { _, tags in tags.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// The content of a model; nil if it cannot be read any more.
    public func contents(of model: Digest) throws(CakeError) -> Manifest? {
        if let manifest = try? store.manifest(model) { return manifest }
        guard let bytes = try bytes(of: model, limit: ManifestText.maximumSize) else { return nil }
        return try? ManifestText.decode(bytes.span)
    }

    /// The same in short; kept, because every search asks for it for every model.
    public func summary(of model: Digest) throws(CakeError) -> ModelSummary? {
        if let known = models[model] { return known }
        guard let summary = try contents(of: model).map({ ModelSummary($0) }) else { return nil }
        models.add(summary, model)
        return summary
    }

    /// Whether a layer that the store has is stored as a delta.
    public func isDelta(_ layer: Layer) throws(CakeError) -> Bool {
        guard layer.size > 0, try store.contains(layer) else { return false }
        return try store.findAnywhere(layer)?.base != nil
    }

    /// A layer of the store as an object without a base: as it is, or encoded again. Nil if the store does not have it.
    public func plainObject(of layer: Layer, _ kind: Tensor.Kind?) async throws -> Blob? {
        guard layer.size > 0, try store.contains(layer) else { return nil }
        return try await plainObject(of: layer, kind, in: store, read: LayerReader(store))
    }

    /// The same from any source of objects.
    func plainObject(
        of layer: Layer, _ kind: Tensor.Kind?, in objects: any ObjectSource, read reader: LayerReader
    ) async throws -> Blob {
        let (object, base) = try objects.openAnywhere(layer)
        guard base != nil else {
            return Blob(StorageBody(object.file, start: object.start, size: object.length))
        }
        let operation = try Operation(store)
        let plain = PlainBytes(layer, in: reader)
        switch try await store.writeAnew(layer, plain, kind, beside: nil, in: operation) {
        case .packed(let object): return Blob(StorageBody(object.bytes))
        case .alone(let object):
            // Open it outlives its name.
            let file = try File(object.path, .read)
            return Blob(StorageBody(file, size: object.record.storedLength))
        }
    }
}
