public import Model
internal import Platform

extension LocalStore {
    /// The config blob of a model, pushed or served: the same model gives the same bytes. Files that cannot be read are
    /// left out.
    public func config(of manifest: Manifest, called digest: Digest) -> [UInt8] {
        config(of: manifest, called: digest, read: reader)
    }

    private func reader(_ file: Manifest.File, limit: Int) -> [UInt8]? {
        try? LayerReader(self).bytes(of: file, limit: limit)
    }

    /// The same of a model whose files lie elsewhere: `read` gives the bytes of a small one.
    package func config(
        of manifest: Manifest, called digest: Digest, read: (Manifest.File, Int) -> [UInt8]?
    ) -> [UInt8] {
        let limit = JSONValue.usualLimit
        var config: JSONValue?
        if let file = manifest.file(at: "config.json"), file.size <= UInt64(limit), let bytes = read(file, limit) {
            config = try? JSONValue(parsing: bytes.span, repeatedKeys: .kept)
        }
        let facts = Facts(config: config, tensors: manifest.segments.lazy.compactMap(\.tensor))
        return ModelConfig.encode(digest, manifest, facts)
    }

    private static let cardLimit = 1 << 20

    /// Annotations for other tools, from the model's name and card. A path on this machine is private. The same name
    /// and files give the same annotations.
    public func annotations(of named: Named, _ manifest: Manifest) -> [ModelArtifact.Annotation] {
        annotations(of: named, manifest, naming: placeInRegistry)
    }

    /// `placeInRegistry` gives the place of a base, to readers who may know that it is here.
    package func annotations(
        of named: Named, _ manifest: Manifest, naming placeInRegistry: (String) -> (name: String, digest: String)?
    ) -> [ModelArtifact.Annotation] {
        annotations(of: named, manifest, naming: placeInRegistry, read: reader)
    }

    package func annotations(
        of named: Named, _ manifest: Manifest, naming placeInRegistry: (String) -> (name: String, digest: String)?,
        read: (Manifest.File, Int) -> [UInt8]?
    ) -> [ModelArtifact.Annotation] {
        var annotations: [ModelArtifact.Annotation] = []
        func add(_ key: String, _ value: String?) {
            if let value { annotations.append(.init("org.opencontainers.image." + key, value)) }
        }
        func text(_ path: String) -> [UInt8]? {
            guard let file = manifest.file(at: path), file.size <= UInt64(LocalStore.cardLimit) else { return nil }
            return read(file, LocalStore.cardLimit)
        }
        let record = named.record
        let card = text(ModelCard.fileName)
        add("title", named.name.string)
        add(
            "source",
            record.source.flatMap {
                ["https://", "hf://", "oci://", S3Place.scheme].contains(where: $0.hasPrefix) ? $0 : nil
            })
        add("revision", record.commit)
        add("licenses", card.flatMap { ModelCard.license(in: $0.span) })
        let adapter = text("adapter_config.json").flatMap { try? JSONValue(parsing: $0.span, repeatedKeys: .kept) }
        guard let base = Facts.baseModel(adapterConfig: adapter, card: card?.span) else { return annotations }
        let place = placeInRegistry(base)
        let onHub = (try? HubRepository(base)).map { "huggingface.co/" + $0.id }
        add("base.name", place?.name ?? onHub)
        add("base.digest", place?.digest)
        return annotations
    }

    /// Where the model of that name came from, when that is a registry.
    package func placeInRegistry(of name: String) -> (name: String, digest: String)? {
        guard let record = try? find(name, alias: Aliases.hubID(of: name)).record, let source = record.source,
            source.hasPrefix("oci://"),
            let tag = record.revision, let digest = record.commit.flatMap({ Digest(hex: $0) })
        else { return nil }
        return ("\(source.dropFirst(6)):\(tag)", "sha256:\(digest.hex)")
    }
}
