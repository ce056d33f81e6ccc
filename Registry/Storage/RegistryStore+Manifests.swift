public import Model
internal import Platform
internal import Store

/// Manifests, each in its repository under the name it was pushed by: a line with its type, then the bytes as they came.
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
    }

    /// What a manifest needs and the repository does not have as it says.
    public enum Lack: Sendable {
        case missing(Descriptor)
        case size(Descriptor, UInt64)
    }

    private static let mark = "cake registry manifest 1 "
    private static let longestType = 1024

    /// Keeps a manifest, then points the tags at it. Nothing is kept, and said what it lacks, when something that it needs is
    /// not in the repository, or not given to who pushes.
    public func put(
        _ manifest: RegistryManifest, _ stored: StoredManifest, tags: [TagName], in repository: RepositoryName,
        where isGiven: (BlobName) throws(CakeError) -> Bool = { _ in true }
    ) throws(CakeError) -> Lack? {
        try locked(alone: false) { () throws(CakeError) -> Lack? in
            if let lack = try findLack(of: manifest, in: repository, where: isGiven) { return lack }
            let place = layout.repository(repository)
            try makeFolder(place.manifests)
            try makeFolder(place.tags)
            if let subject = manifest.subject { try mark(stored.name, refersTo: subject.name, in: place) }
            let line = RegistryStore.mark + stored.mediaType + "\n"
            try put(place.manifest(stored.name), [Array(line.utf8), stored.bytes])
            for tag in tags { try put(place.tag(tag), [Array("\(stored.name)\n".utf8)]) }
            return nil
        }
    }

    private func findLack(
        of manifest: RegistryManifest, in repository: RepositoryName,
        where isGiven: (BlobName) throws(CakeError) -> Bool
    ) throws(CakeError) -> Lack? {
        let place = layout.repository(repository)
        var seen: Set<Descriptor> = []
        for needed in manifest.needed where seen.insert(needed).inserted {
            guard let digest = try digest(of: needed.name), try Disk.exists(place.blob(digest)),
                let size = try size(of: digest), try isGiven(needed.name)
            else { return .missing(needed) }
            guard size == needed.size else { return .size(needed, size) }
        }
        return nil
    }

    /// Nil when there is no such manifest, and for a tag that points at none. A tag that nobody pushed may be a model's of the
    /// store: `model` makes that one's.
    public func manifest(_ name: ManifestName, in repository: RepositoryName) throws(CakeError) -> StoredManifest? {
        let place = layout.repository(repository)
        switch name {
        case .none: return nil
        case .digest(let name):
            if let stored = try pushedManifest(name, in: repository) { return stored }
            guard let record = try modelRecord(name, in: repository) else { return nil }
            if store.isWritable, isGiven(record.model, in: repository) { try? touch(record, in: repository) }
            return record.stored
        case .tag(let tag):
            guard let name = try target(of: tag, in: place) else { return nil }
            if let stored = try pushedManifest(name, in: repository) { return stored }
            return try modelRecord(name, in: repository)?.stored
        }
    }

    /// Nil also for one whose bytes are wrong, which is set aside.
    private func pushedManifest(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> StoredManifest? {
        let path = layout.repository(repository).manifest(name)
        do {
            return try read(path, name)
        } catch let error where error.kind == .damaged {
            try? setAsideManifest(path, name, in: repository) { () throws(CakeError) in _ = try read(path, name) }
            return nil
        }
    }

    /// As it lies there; one whose bytes are wrong is an error.
    func rawManifest(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> StoredManifest? {
        try read(layout.repository(repository).manifest(name), name)
    }

    private func read(_ path: String, _ name: BlobName) throws(CakeError) -> StoredManifest? {
        let all: [UInt8]
        do {
            all = try Disk.read(path, limit: RegistryManifest.maximumSize + RegistryStore.longestType + 64)
        } catch let error where error.kind == .notFound { return nil }
        guard let end = all.firstIndex(of: UInt8(ascii: "\n")), all.starts(with: RegistryStore.mark.utf8) else {
            throw CakeError(
                .damaged, "\(Printable.escape(path)) does not say what manifest it is", fix: "push it again")
        }
        let stored = StoredManifest(
            name: name, mediaType: String(decoding: all[RegistryStore.mark.utf8.count..<end], as: UTF8.self),
            bytes: Array(all[(end + 1)...]))
        guard name.fits(stored.bytes.span) else {
            throw CakeError(
                .damaged, "\(Printable.escape(path)) has other bytes than its name says", fix: "push it again")
        }
        return stored
    }

    func target(of tag: TagName, in place: RegistryLayout.Repository) throws(CakeError) -> BlobName? {
        do {
            let text = String(decoding: try Disk.read(place.tag(tag), limit: 256), as: UTF8.self)
            return text.hasSuffix("\n") ? BlobName(text.dropLast()) : nil
        } catch let error where error.kind == .notFound { return nil }
    }

    /// Every tag of the repository, sorted: those that were pushed, and those of models.
    public func tags(in repository: RepositoryName) throws(CakeError) -> [TagName] {
        let models = shown.filter { $0.place.repository == repository }.map(\.place.tag)
        return Set(try pushedTags(in: repository) + models).sorted()
    }

    func pushedTags(in repository: RepositoryName) throws(CakeError) -> [TagName] {
        try names(in: layout.repository(repository).tags).compactMap { TagName($0) }
    }

    func manifests(in repository: RepositoryName) throws(CakeError) -> [BlobName] {
        try names(in: layout.repository(repository).manifests).compactMap { BlobName(fileName: $0) }
    }

    /// Takes a tag alone, or a manifest with the tags that point at it. False when there was none.
    public func remove(_ name: ManifestName, from repository: RepositoryName) throws(CakeError) -> Bool {
        let place = layout.repository(repository)
        return try locked(alone: true) { () throws(CakeError) in
            switch name {
            case .none: return false
            case .tag(let tag):
                guard try Disk.exists(place.tag(tag)) else { return false }
                try Disk.remove(place.tag(tag))
                try Disk.syncFolder(place.tags)
            case .digest(let name):
                guard try Disk.exists(place.manifest(name)) else { return false }
                let bytes = try? read(place.manifest(name), name)?.bytes
                for tag in try pushedTags(in: repository) where try target(of: tag, in: place) == name {
                    try Disk.remove(place.tag(tag))
                }
                try Disk.syncFolder(place.tags)
                try Disk.remove(place.manifest(name))
                try Disk.syncFolder(place.manifests)
                if let bytes, let subject = try? RegistryManifest(parsing: bytes.span).subject {
                    try Disk.remove(place.referrers(of: subject.name) + "/" + name.fileName)
                }
            }
            return true
        }
    }

    /// Manifests whose subject is this one, which need not be here; sorted, from the first behind `last` on.
    public func referrers(of subject: BlobName, in repository: RepositoryName, after last: BlobName?) throws(CakeError)
        -> [BlobName]
    {
        let place = layout.repository(repository)
        if try Disk.exists(place.manifests), try !Disk.exists(place.referrers) { try findReferrers(repository) }
        let found = try names(in: place.referrers(of: subject)).compactMap { BlobName(fileName: $0) }.sorted()
        guard let last else { return found }
        return Array(found.drop { $0 <= last })
    }

    /// Said before the manifest is there: a mark without a manifest is passed over, a manifest without its mark never found.
    private func mark(_ name: BlobName, refersTo subject: BlobName, in place: RegistryLayout.Repository)
        throws(CakeError)
    {
        let folder = place.referrers(of: subject)
        try makeFolder(folder)
        _ = try File(folder + "/" + name.fileName, .readWriteOrCreate)
        try Disk.syncFolder(folder)
    }

    /// Makes the marks again, from the manifests.
    private func findReferrers(_ repository: RepositoryName) throws(CakeError) {
        guard store.isWritable else { return }
        let place = layout.repository(repository)
        for name in try manifests(in: repository) {
            guard let bytes = try? read(place.manifest(name), name)?.bytes,
                let subject = try? RegistryManifest(parsing: bytes.span).subject
            else { continue }
            try mark(name, refersTo: subject.name, in: place)
        }
        try makeFolder(place.referrers)
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
