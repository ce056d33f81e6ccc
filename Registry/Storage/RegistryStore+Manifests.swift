public import Model
internal import Platform
internal import Store

/// Manifests, each in its repository under its pushed name: a line with its type, then the bytes as they came.
extension RegistryStore {
    public struct StoredManifest: Sendable {
        public let name: BlobName
        public let mediaType: String
        public let bytes: [UInt8]
        /// The model of the store that it was made of; nil when it was pushed.
        public let model: Digest?

        public init(name: BlobName, mediaType: String, bytes: [UInt8], of model: Digest? = nil) {
            self.name = name
            self.mediaType = mediaType
            self.bytes = bytes
            self.model = model
        }

        /// As it is stored.
        var text: [UInt8] { Array("\(RegistryStore.mark)\(mediaType)\n".utf8) + bytes }

        /// Fails for other bytes than were put. `path` is for the message.
        init(_ name: BlobName, parsing all: [UInt8], at path: String) throws(CakeError) {
            guard let end = all.firstIndex(of: UInt8(ascii: "\n")), all.starts(with: RegistryStore.mark.utf8) else {
                throw CakeError(
                    .damaged, "\(Printable.escape(path)) is not a manifest of the registry", fix: "push it again")
            }
            self.init(
                name: name, mediaType: String(decoding: all[RegistryStore.mark.utf8.count..<end], as: UTF8.self),
                bytes: Array(all[(end + 1)...]))
            guard name.fits(bytes.span) else {
                throw CakeError(
                    .damaged, "\(Printable.escape(path)) does not match its digest", fix: "push it again")
            }
        }
    }

    /// A blob that a manifest needs and the repository lacks, or has with another size.
    public enum Lack: Sendable {
        case missing(Descriptor)
        case size(Descriptor, UInt64)
    }

    static let mark = "cake registry manifest 1 "
    /// With its type.
    static let longestManifest = RegistryManifest.maximumSize + 1024 + 64

    /// Saves a manifest, then moves the tags to it. If a blob that it needs is not in the repository, or the pusher may
    /// not read it, nothing is saved and the missing blob returned.
    public func put(
        _ manifest: RegistryManifest, _ stored: StoredManifest, tags: [TagName], in repository: RepositoryName,
        where isGiven: (BlobName) throws(CakeError) -> Bool = { _ in true }
    ) throws(CakeError) -> Lack? {
        if isDistant { return try putDistant(manifest, stored, tags: tags, in: repository, where: isGiven) }
        return try locked(alone: false) { () throws(CakeError) -> Lack? in
            if let lack = try findLack(of: manifest, in: repository, where: isGiven) { return lack }
            let place = keys.repository(repository)
            // Before the manifest: a mark without a manifest is passed over, a manifest without its mark never found.
            if let subject = manifest.subject {
                try storage.mark([place.referrer(stored.name, of: subject.name)])
            }
            try storage.put(StorageBody(stored.text), at: place.manifest(stored.name))
            for tag in tags { try storage.put(StorageBody(Array("\(stored.name)\n".utf8)), at: place.tag(tag)) }
            return nil
        }
    }

    func findLack(
        of manifest: RegistryManifest, in repository: RepositoryName,
        where isGiven: (BlobName) throws(CakeError) -> Bool
    ) throws(CakeError) -> Lack? {
        let place = keys.repository(repository)
        var seen: Set<Descriptor> = []
        for needed in manifest.needed where seen.insert(needed).inserted {
            guard let digest = try digest(of: needed.name), try storage.look(at: place.blob(digest)) != nil,
                let size = try size(of: digest), try isGiven(needed.name)
            else { return .missing(needed) }
            guard size == needed.size else { return .size(needed, size) }
        }
        return nil
    }

    /// Nil if there is no such manifest, and for a tag that points at none. A tag without a push may be a model's of
    /// the store: `model` makes its manifest.
    public func manifest(_ name: ManifestName, in repository: RepositoryName) throws(CakeError) -> StoredManifest? {
        switch name {
        case .none: return nil
        case .digest(let name):
            if let stored = try pushedManifest(name, in: repository) { return stored }
            guard let record = try modelRecord(name, in: repository) else { return nil }
            if store.isWritable, isGiven(record.model, in: repository) { try? touch(record, in: repository) }
            return record.stored
        case .tag(let tag):
            guard let name = try target(of: tag, in: repository) else { return nil }
            if let stored = try pushedManifest(name, in: repository) { return stored }
            return try modelRecord(name, in: repository)?.stored
        }
    }

    /// Nil also for one with wrong bytes, which is set aside.
    private func pushedManifest(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> StoredManifest? {
        do {
            return try rawManifest(name, in: repository)
        } catch let error where error.kind == .damaged {
            try? setAsideManifest(layout.repository(repository).manifest(name), name, in: repository) {
                () throws(CakeError) in _ = try rawManifest(name, in: repository)
            }
            return nil
        }
    }

    /// As it is stored; wrong bytes are an error.
    func rawManifest(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> StoredManifest? {
        try rawManifest(name, at: keys.repository(repository))
    }

    func rawManifest(_ name: BlobName, at place: RegistryLayout.Repository) throws(CakeError) -> StoredManifest? {
        let key = place.manifest(name)
        guard let all = try storage.bytes(at: key, limit: RegistryStore.longestManifest) else { return nil }
        return try StoredManifest(name, parsing: all, at: storage.name(of: key))
    }

    func target(of tag: TagName, in repository: RepositoryName) throws(CakeError) -> BlobName? {
        try storage.bytes(at: keys.repository(repository).tag(tag), limit: RegistryStore.longestTag)
            .flatMap { RegistryStore.target(in: $0) }
    }

    static let longestTag = 256

    /// What a tag points at, by the bytes of its value. Nil for what is not a tag's value.
    static func target(in bytes: [UInt8]) -> BlobName? {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasSuffix("\n") ? BlobName(text.dropLast()) : nil
    }

    /// Every tag of the repository, sorted: those that were pushed, those of models, and those of their views.
    public func tags(in repository: RepositoryName) throws(CakeError) -> [TagName] {
        let models = shown(in: repository).map(\.place.tag)
        return Set(try pushedTags(in: repository) + models + viewTags(in: repository)).sorted()
    }

    func pushedTags(in repository: RepositoryName) throws(CakeError) -> [TagName] {
        try storage.names(in: keys.repository(repository).tags).compactMap { TagName($0) }
    }

    func manifests(in repository: RepositoryName) throws(CakeError) -> [BlobName] {
        try storage.names(in: keys.repository(repository).manifests).compactMap { BlobName(fileName: $0) }
    }

    /// Removes a tag alone, or a manifest with the tags that point at it. False if there was none.
    public func remove(_ name: ManifestName, from repository: RepositoryName) throws(CakeError) -> Bool {
        let place = keys.repository(repository)
        return try locked(alone: true) { () throws(CakeError) in
            switch name {
            case .none: return false
            case .tag(let tag): return try storage.remove(place.tag(tag))
            case .digest(let name):
                guard try storage.look(at: place.manifest(name)) != nil else { return false }
                let bytes = try? rawManifest(name, in: repository)?.bytes
                for tag in try pushedTags(in: repository) where try target(of: tag, in: repository) == name {
                    try storage.remove(place.tag(tag))
                }
                try storage.remove(place.manifest(name))
                if let bytes, let subject = try? RegistryManifest(parsing: bytes.span).subject {
                    try storage.remove(place.referrer(name, of: subject.name))
                }
                return true
            }
        }
    }

    /// Manifests whose subject is this one, which need not be here; sorted, from the first after `last` on.
    public func referrers(of subject: BlobName, in repository: RepositoryName, after last: BlobName?) throws(CakeError)
        -> [BlobName]
    {
        let place = layout.repository(repository)
        if !isDistant, try Disk.exists(place.manifests), try !Disk.exists(place.referrers) {
            try findReferrers(repository)
        }
        let marks = try storage.names(in: keys.repository(repository).referrers(of: subject))
        let found = marks.compactMap { BlobName(fileName: $0) }.sorted()
        guard let last else { return found }
        return Array(found.drop { $0 <= last })
    }

    /// Makes the marks again, from the manifests.
    private func findReferrers(_ repository: RepositoryName) throws(CakeError) {
        guard store.isWritable else { return }
        let place = keys.repository(repository)
        for name in try manifests(in: repository) {
            guard let bytes = try? rawManifest(name, in: repository)?.bytes,
                let subject = try? RegistryManifest(parsing: bytes.span).subject
            else { continue }
            try storage.mark([place.referrer(name, of: subject.name)])
        }
        // The file's existence says that this was done.
        try makeFolder(layout.repository(repository).referrers)
    }
}

extension BlobName {
    /// Whether the bytes have this name.
    public func fits(_ bytes: Span<UInt8>) -> Bool {
        switch algorithm {
        case .sha256: return SHA256.digest(of: bytes).hex == hex
        case .sha512:
            var hash = SHA512()
            hash.update(bytes)
            return hash.finish() == hex
        }
    }
}
