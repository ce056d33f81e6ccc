public import Model
internal import Platform
internal import Store

/// Models that mirrors brought into another storage. Each name has a record, which names the model's manifest there. They lie
/// apart from repositories, where whatever was pushed is given to all readers.
extension RegistryStore {
    public struct Brought: Sendable {
        public let name: ModelName
        public let record: NameRecord
        public let artifact: BlobName

        init?(_ name: ModelName, _ text: [UInt8]) {
            guard let record = try? NameRecord(decoding: text.span), let artifact = record.artifact else { return nil }
            (self.name, self.record, self.artifact) = (name, record, BlobName(artifact))
        }

        var model: PushedModel {
            PushedModel(shelf: .brought, tag: nil, artifact: artifact, model: record.manifest, time: record.time ?? 0)
        }
    }

    /// As it was two seconds ago at the most. Nil also for a damaged record: the next one replaces it.
    public func brought(_ name: ModelName) throws(CakeError) -> Brought? {
        guard isDistant else { return nil }
        return try storage.bytes(at: keys.broughtName(name), limit: NameRecord.maximumSize)
            .flatMap { Brought(name, $0) }
    }

    public func allBrought(where isWanted: (ModelName) -> Bool = { _ in true }) throws(CakeError) -> [Brought] {
        guard isDistant else { return [] }
        let names = try storage.names(in: keys.broughtNames).compactMap { ModelName(fileName: $0) }.filter(isWanted)
        let texts = try storage.read(atEach: names.map(keys.broughtName), limit: NameRecord.maximumSize)
        return zip(names, texts).compactMap { name, text in text.flatMap { Brought(name, $0.bytes) } }
    }

    /// As it is now, with the version that a writer replaces.
    struct Seen: Sendable {
        var found: Brought?
        var version: RegistryValues.Version?

        var condition: StorageCondition<RegistryValues.Version> { version.map { .unchanged($0) } ?? .absent }
    }

    func broughtNow(_ name: ModelName) throws(CakeError) -> Seen {
        let key = keys.broughtName(name)
        guard let version = try storage.lookAgain(at: key)?.version,
            let text = try storage.bytes(at: key, limit: NameRecord.maximumSize, isAgain: true)
        else { return Seen() }
        return Seen(found: Brought(name, text), version: version)
    }

    /// The same for readers.
    public func broughtAgain(_ name: ModelName) throws(CakeError) -> Brought? { try broughtNow(name).found }

    /// Changes the mark of the models of a repository, if another one is there.
    public func markBrought(_ plain: String, _ mark: NameRecord.Mark) throws(CakeError) {
        for old in try allBrought(where: { $0.withoutRevision == plain }) where old.record.mark != mark {
            for _ in 0..<RegistryStore.mostTries {
                let seen = try broughtNow(old.name)
                guard var record = seen.found?.record, record.mark != mark else { break }
                record.mark = mark
                let key = keys.broughtName(old.name)
                if try storage.put(StorageBody(record.encode()), at: key, if: seen.condition) { break }
            }
        }
    }

    /// So often another server may be faster.
    static let mostTries = 16
}

/// What a registry shows of them: models that are whole and open, at the places of their names.
extension RegistryStore {
    func shownBrought(where isWanted: (ModelName) -> Bool) throws(CakeError) -> [Served] {
        let open = try allBrought(where: isWanted).filter { $0.record.mark == .mirrored && !$0.record.isIncomplete }
        return ShownModels(open.map { LocalStore.Named(name: $0.name, record: $0.record) }).served
    }

    func brought(_ served: Served) throws(CakeError) -> ModelRecord? {
        guard let name = served.artifact, let stored = try rawManifest(name, at: keys.brought) else { return nil }
        let model = served.named.record.manifest
        return ModelRecord(
            model: model,
            stored: StoredManifest(name: name, mediaType: stored.mediaType, bytes: stored.bytes, of: model))
    }

    func broughtRecord(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> ModelRecord? {
        guard let served = shown(in: repository).first(where: { $0.artifact == name }) else { return nil }
        return try brought(served)
    }

    func broughtGiven(in repository: RepositoryName) throws(CakeError) -> [Given] {
        var given: [Given] = []
        for served in shown(in: repository) {
            if let record = try brought(served) { given.append(try Given(record)) }
        }
        return given
    }

    /// A blob of a model that was brought and that the repository shows.
    public func shownBlob(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> Blob? {
        guard isDistant, try !given(naming: name, in: repository).isEmpty else { return nil }
        return try blob(name, on: .brought)
    }
}
