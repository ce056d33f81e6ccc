internal import Model
internal import Platform

/// What repositories name. Manifests are found in listings, and by tags, indexes and referrers: a listing may be late.
extension DistantCollection {
    struct Survey: Sendable {
        var named: Set<Digest> = []
        /// Keys of manifests. They never change, so each is read once.
        var read: Set<String> = []
        /// Blobs with a young mark.
        var young: Set<Digest> = []
        var repositories = 0
        /// Of manifests that tags name.
        var tagged = 0
        var unlisted = 0

        mutating func add(_ other: Survey) {
            named.formUnion(other.named)
            read.formUnion(other.read)
            young.formUnion(other.young)
            repositories += other.repositories
            tagged += other.tagged
            unlisted += other.unlisted
        }

        /// A listing that lacks many manifests that are there may lack others that no tag names.
        fileprivate func check() throws(CakeError) {
            guard unlisted > 3, unlisted * 10 > tagged else { return }
            throw CakeError(
                .failed, "listings of the storage lack \(unlisted) of \(tagged) manifests that tags name",
                fix: "nothing was removed; ask the operator of the storage, and run it again later")
        }
    }

    func repositories() async throws(CakeError) -> [RegistryLayout.Repository] {
        try await names(keys.repositories).compactMap { RepositoryName(fileName: $0).map(keys.repository) }
    }

    /// All that have manifests, and marks of blobs: repositories, and what mirrors brought.
    func places() async throws(CakeError) -> [RegistryLayout.Repository] { try await repositories() + [keys.brought] }

    /// Reads all manifests, and drops old marks of blobs that no manifest of their repository names.
    func survey(_ now: Int) async throws(CakeError) -> Survey {
        let found = try await DistantValues.each(try await places()) { [self] place throws(CakeError) -> Survey in
            var survey = try await read(place, knowing: [])
            survey.young = try await dropMarks(in: place, survey, now)
            return survey
        }
        var all = Survey()
        for one in found { all.add(one) }
        try all.check()
        return all
    }

    /// What repositories name now that they did not name before.
    func newlyNamed(since survey: Survey) async throws(CakeError) -> Set<Digest> {
        let found = try await DistantValues.each(try await places()) {
            [self] place throws(CakeError) in try await read(place, knowing: survey.read)
        }
        var all = Survey()
        for one in found { all.add(one) }
        try all.check()
        return all.named
    }

    private func read(
        _ place: RegistryLayout.Repository, knowing known: Set<String>
    ) async throws(CakeError) -> Survey {
        let listed = Set(try await names(place.manifests).compactMap { BlobName(fileName: $0) })
        let isBrought = place.root == keys.brought.root
        let targets = Set(isBrought ? try await recorded() : try await tagged(in: place))
        let count = isBrought && listed.isEmpty && targets.isEmpty ? 0 : 1
        var survey = Survey(repositories: count, tagged: targets.count)
        var next = listed.union(targets).union(try await referring(in: place))
        while !next.isEmpty {
            let wanted = next.filter {
                !known.contains(place.manifest($0)) && !survey.read.contains(place.manifest($0))
            }.sorted()
            next = []
            let manifests = try await DistantValues.each(wanted) { [self] name throws(CakeError) in
                try await manifest(
                    name, in: place, isExpected: listed.contains(name) || targets.contains(name))
            }
            for (name, manifest) in zip(wanted, manifests) {
                guard let manifest else { continue }
                survey.read.insert(place.manifest(name))
                if targets.contains(name), !listed.contains(name) { survey.unlisted += 1 }
                for one in manifest.named {
                    if let digest = try await digest(of: one.name) { survey.named.insert(digest) }
                }
                next.formUnion(manifest.manifests.map(\.name))
            }
        }
        return survey
    }

    private func tagged(in place: RegistryLayout.Repository) async throws(CakeError) -> [BlobName] {
        let tags = try await names(place.tags).compactMap { TagName($0) }
        return try await DistantValues.each(tags) { [self] tag throws(CakeError) -> BlobName? in
            let key = place.tag(tag)
            guard let bytes = try await self.listed({ () throws(CakeError) in try await bytes(key, 256) }) else {
                return nil
            }
            guard let name = RegistryStore.target(in: bytes) else {
                throw unreadable(key, "names no manifest", "move the tag with a push, or delete it")
            }
            return name
        }.compactMap(\.self)
    }

    /// Manifests that refer to another.
    private func referring(in place: RegistryLayout.Repository) async throws(CakeError) -> Set<BlobName> {
        let subjects = try await names(place.referrers)
        let found = try await DistantValues.each(subjects) { [self] subject throws(CakeError) in
            try await names(place.referrers + "/" + subject).compactMap { BlobName(fileName: $0) }
        }
        return Set(found.joined())
    }

    /// Nil if it is not there. `isExpected` says that a listing or a tag has it.
    private func manifest(
        _ name: BlobName, in place: RegistryLayout.Repository, isExpected: Bool
    ) async throws(CakeError) -> RegistryManifest? {
        let key = place.manifest(name)
        let look = { () async throws(CakeError) in try await bytes(key, RegistryStore.longestManifest) }
        guard let all = isExpected ? try await listed(look) : try await look() else { return nil }
        do throws(CakeError) {
            let stored = try RegistryStore.StoredManifest(name, parsing: all, at: key)
            return try RegistryManifest(parsing: stored.bytes.span)
        } catch { throw unreadable(key, "cannot be read: \(error.what)", "push the model again, or delete it") }
    }

    func unreadable(_ key: String, _ why: String, _ fix: String) -> CakeError {
        CakeError(.damaged, "\(Printable.escape(key)) \(why); nothing was removed", fix: fix)
    }

    /// Nil for a SHA-512 without a blob.
    func digest(of name: BlobName) async throws(CakeError) -> Digest? {
        if let digest = name.sha256 { return digest }
        let key = keys.alias(name)
        guard let text = try await bytes(key, 128) else { return nil }
        guard text.last == UInt8(ascii: "\n"),
            let digest = Digest(hex: String(decoding: text.dropLast(), as: UTF8.self))
        else { throw unreadable(key, "names no blob", "push the blob again") }
        return digest
    }

    /// Removes old marks that belong to no manifest, each unless it is put again meanwhile. Returns the blobs with young ones.
    private func dropMarks(
        in place: RegistryLayout.Repository, _ survey: Survey, _ now: Int
    ) async throws(CakeError) -> Set<Digest> {
        let unnamed = try await names(place.blobs).compactMap { Digest(hex: $0) }.filter { !survey.named.contains($0) }
        let looks = try await DistantValues.each(unnamed) { [self] blob throws(CakeError) in
            try await look(place.blob(blob))
        }
        var (young, old): (Set<Digest>, [(blob: Digest, version: DistantValues.Version)]) = ([], [])
        for (blob, entry) in zip(unnamed, looks) {
            guard let entry else { continue }
            if entry.time > now - grace { young.insert(blob) }
            if entry.time <= now - leftoverAge { old.append((blob, entry.version)) }
        }
        guard !old.isEmpty, !options.isDryRun else { return young }
        // After the looks: a push that saw its mark has put its manifest before, or puts the mark again.
        let named = try await read(place, knowing: survey.read).named
        _ = try await DistantValues.each(old.filter { !named.contains($0.blob) }) { [self] mark throws(CakeError) in
            try await values.removeNow(place.blob(mark.blob), mark.version)
        }
        return young
    }
}
