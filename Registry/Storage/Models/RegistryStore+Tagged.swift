public import Model
internal import Platform
internal import Store

/// What the tags of many repositories mean. A storage that answers late is asked for several at a time.
extension RegistryStore {
    /// A tag that was pushed.
    struct Tagged: Sendable {
        let repository: RepositoryName
        let tag: TagName
        let artifact: BlobName
        /// Nil of an artifact that is no model.
        let model: Digest?
        /// When it was put: seconds since 1970.
        let time: Int
    }

    func tagged(in repositories: [RepositoryName]) throws(CakeError) -> [Tagged] {
        let names = try storage.names(inEach: repositories.map { keys.repository($0).tags })
        let tags = zip(repositories, names).flatMap { repository, names in
            names.compactMap { TagName($0) }.map { (repository: repository, tag: $0) }
        }
        let values = try storage.read(
            atEach: tags.map { keys.repository($0.repository).tag($0.tag) }, limit: RegistryStore.longestTag)
        let artifacts = zip(tags, values).compactMap { place, value -> Artifact? in
            guard let value, let name = RegistryStore.target(in: value.bytes) else { return nil }
            return Artifact(name: name, repository: place.repository, tag: place.tag, time: value.time)
        }
        return zip(artifacts, try models(of: artifacts)).map { artifact, model in
            Tagged(
                repository: artifact.repository, tag: artifact.tag, artifact: artifact.name, model: model,
                time: artifact.time)
        }
    }

    private struct Artifact {
        let name: BlobName
        let repository: RepositoryName
        let tag: TagName
        let time: Int
    }

    /// As `model(of:in:)` has them.
    private func models(of artifacts: [Artifact]) throws(CakeError) -> [Digest?] {
        guard isDistant else { return artifacts.map { try? model(of: $0.name, in: $0.repository) } }
        var found: [BlobName: Digest?] = [:]
        var new: [Artifact] = []
        for artifact in artifacts where found[artifact.name] == nil {
            found[artifact.name] = models.ofArtifacts[artifact.name]
            if found[artifact.name] == nil {
                found[artifact.name] = .some(nil)
                new.append(artifact)
            }
        }
        for some in new.groups {
            let places = some.map { keys.repository($0.repository).manifest($0.name) }
            let texts = try storage.read(atEach: places, limit: RegistryStore.longestManifest)
            for ((artifact, key), text) in zip(zip(some, places), texts) {
                guard let text else { continue }
                let stored: StoredManifest?
                do {
                    stored = try StoredManifest(artifact.name, parsing: text.bytes, at: storage.name(of: key))
                } catch let error where error.kind == .damaged {
                    stored = try manifest(.digest(artifact.name), in: artifact.repository)
                }
                if let stored { found[artifact.name] = learn(stored) }
            }
        }
        let models = artifacts.map { found[$0.name].flatMap(\.self) }
        let marks = zip(artifacts, models).compactMap { artifact, model in
            model.map { keys.repository(artifact.repository).blob($0) }
        }
        var there = try storage.look(atEach: marks)[...]
        return models.map { model in model != nil && there.popFirst().flatMap(\.self) != nil ? model : nil }
    }

    /// The model of an artifact; nil for other artifacts, and for one whose repository does not have the model's own
    /// manifest: naming its digest proves nothing.
    func model(of name: BlobName, in repository: RepositoryName) throws(CakeError) -> Digest? {
        var found: Digest?
        if let known = models.ofArtifacts[name] {
            found = known
        } else {
            guard let stored = try manifest(.digest(name), in: repository) else { return nil }
            found = learn(stored)
        }
        guard let found, try storage.look(at: keys.repository(repository).blob(found)) != nil else { return nil }
        return found
    }

    /// The model that an artifact claims to be. It never becomes outdated.
    private func learn(_ stored: StoredManifest) -> Digest? {
        let manifest = try? RegistryManifest(parsing: stored.bytes.span)
        let found = manifest.flatMap { try? ModelArtifact($0) }?.manifest.name.sha256
        models.ofArtifacts[stored.name] = .some(found)
        return found
    }

    /// What is known of each; nil of one that cannot be read any more.
    public func summaries(of listed: ArraySlice<Listed>) throws(CakeError) -> [ModelSummary?] {
        if isDistant {
            let new = Set(listed.map(\.model)).filter { models[$0] == nil }.sorted()
            // Larger ones are read one at a time, below.
            let texts = try storage.read(atEach: new.map(keys.blob), limit: RegistryStore.largestOfMany)
            for (model, text) in zip(new, texts) {
                guard let text, SHA256.digest(of: text.bytes.span) == model,
                    let manifest = try? ManifestText.decode(text.bytes.span)
                else { continue }
                models.add(ModelSummary(manifest), model)
            }
        }
        var found: [ModelSummary?] = []
        for one in listed { found.append(try summary(of: one.model)) }
        return found
    }
}

extension Array {
    /// As many as a storage is asked for at a time.
    public var groups: [ArraySlice<Element>] {
        stride(from: 0, to: count, by: RegistryStore.atOnce).map {
            self[$0..<Swift.min(count, $0 + RegistryStore.atOnce)]
        }
    }
}

extension RegistryStore {
    static let atOnce = DistantValues.atOnce
    fileprivate static let largestOfMany = 4 << 20
}
