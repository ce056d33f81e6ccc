public import Model
internal import Platform
internal import Store
internal import Synchronization

/// One n-th of all that is checked, stable by digest.
public struct VerifiedShare: Sendable {
    /// Counted from 1.
    public let number: UInt64
    public let of: UInt64

    public static let all = VerifiedShare(1, of: 1)

    public init(_ number: UInt64, of count: UInt64) {
        self.number = number
        self.of = max(count, 1)
    }

    public func has(_ digest: Digest) -> Bool { digest.words.0 % of == number - 1 }
}

/// A damaged part of a registry.
public struct RegistryDamage: Sendable {
    public enum Kind: String, Sendable {
        case blob
        /// Packs of the store's models, which are made again from the store.
        case pack
        case manifest
        /// A name by SHA-512.
        case alias
        case tag
    }

    public let kind: Kind
    /// The digest, or the repository and tag.
    public let name: String
    public let why: String
    public let isSetAside: Bool
    /// `repository:tag`, or `repository` alone, that needs it.
    public let neededBy: [String]
    public internal(set) var isMended = false
}

/// The verified parts of a registry, and the damage.
public struct RegistryVerification: Sendable {
    /// Blobs and packs.
    public var blobs = 0
    /// Of these, packs of the store's models.
    public var packs = 0
    /// What the registry takes; nil when a share of it was verified.
    public var usage: RegistryUsage?
    public var manifests = 0
    public var bytes: UInt64 = 0
    public var uploads = 0
    public var damages: [RegistryDamage] = []

    public init() {}
}

extension RegistryStore {
    /// All there is to read: digests of blobs and packs, and their sizes.
    private func everyBlob(_ share: VerifiedShare) throws(CakeError) -> [Digest] {
        var all: [Digest] = []
        for shard in try storage.names(in: keys.blobs) {
            all += try storage.names(in: keys.blobs + "/" + shard).compactMap { Digest(hex: $0) }
        }
        all += try storage.names(in: keys.packs).compactMap { Digest(hex: $0) }
        return all.filter(share.has)
    }

    /// Reads blobs, packs, manifests, tags and uploads, on all cores. Damaged ones are set aside: a push sends them
    /// again. With `mending`, manifests and packs of the store's models are made again from the store.
    public func verify(
        _ share: VerifiedShare = .all, mending: Bool = false, progress: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) async throws -> RegistryVerification {
        var found = RegistryVerification()
        let owners = try verifyManifests(into: &found)
        let blobs = try everyBlob(share)
        let read = Atomic<UInt64>(0)
        var wrong: [(digest: Digest, check: BlobCheck)] = []
        try await inOrder(blobs.count, atOnce: BlockingPool.processors, on: store.pool) { [self] index in
            try Task.checkCancellation()
            do throws(CakeError) {
                return try check(blobs[index]) { bytes in
                    read.add(bytes, ordering: .relaxed)
                    progress(bytes)
                }
            } catch {
                // An invalid list of a pack does not say where its objects are.
                guard error.kind == .damaged else { throw error }
                let files = try Disk.status(layout.pack(blobs[index])).map { [$0] } ?? []
                return .wrong(WrongBlob(digest: blobs[index], why: error.what, files: files, objects: []))
            }
        } take: { (index: Int, check: BlobCheck) in
            switch check {
            case .right, .missing: break
            case .wrong, .unreadable: wrong.append((blobs[index], check))
            }
        }
        found.blobs = blobs.count
        let packs = Set(try storage.names(in: keys.packs))
        found.packs = blobs.count { packs.contains($0.hex) }
        for (digest, check) in wrong {
            let isPack = try !Disk.exists(layout.blob(digest))
            var (why, isSetAside) = ("", false)
            switch check {
            case .wrong(let wrong): (why, isSetAside) = (wrong.why, try setAside(wrong))
            case .unreadable(let error): why = error.what
            case .right, .missing: continue
            }
            found.damages.append(
                RegistryDamage(
                    kind: isPack ? .pack : .blob, name: "sha256:\(digest.hex)", why: why, isSetAside: isSetAside,
                    neededBy: owners[digest] ?? []))
        }
        try verifyAliases(share, into: &found)
        try verifyUploads(into: &found)
        found.bytes += read.load(ordering: .relaxed)
        if mending { try await mend(&found) }
        if share.of == 1 { found.usage = try usage() }
        return found
    }

    /// Reads every manifest and tag, and records which blobs they need.
    private func verifyManifests(into found: inout RegistryVerification) throws(CakeError) -> [Digest: [String]] {
        var owners: [Digest: [String]] = [:]
        for repository in try allRepositories() {
            let folder = layout.repository(repository)
            var tagged: [BlobName: [TagName]] = [:]
            func place(of tag: TagName) -> String { "\(repository):\(tag.text)" }
            func setAside(_ tag: TagName, since why: String) throws(CakeError) {
                found.damages.append(
                    RegistryDamage(
                        kind: .tag, name: place(of: tag), why: why, isSetAside: try setAsideTag(tag, in: repository),
                        neededBy: [place(of: tag)]))
            }
            for tag in try pushedTags(in: repository) {
                guard let name = try target(of: tag, in: repository) else {
                    try setAside(tag, since: "it does not name a manifest")
                    continue
                }
                tagged[name, default: []].append(tag)
            }
            func look(_ name: BlobName, _ hits: [String], _ stored: StoredManifest?) throws(CakeError) {
                guard let stored else { return }
                found.manifests += 1
                found.bytes += UInt64(stored.bytes.count)
                guard let manifest = try? RegistryManifest(parsing: stored.bytes.span) else { return }
                for needed in manifest.needed {
                    guard let digest = try digest(of: needed.name) else { continue }
                    owners[digest, default: []] += hits.filter { !(owners[digest] ?? []).contains($0) }
                }
            }
            func check(
                _ name: BlobName, _ path: String, _ hits: [String], _ read: () throws(CakeError) -> StoredManifest?
            ) throws(CakeError) -> Bool {
                do throws(CakeError) {
                    try look(name, hits, read())
                    return true
                } catch {
                    guard error.kind == .damaged else { throw error }
                    try setAsideManifest(path, name, in: repository) { () throws(CakeError) in _ = try read() }
                    found.damages.append(
                        RegistryDamage(
                            kind: .manifest, name: name.description, why: "it does not match its digest",
                            isSetAside: isWritable, neededBy: hits))
                    return false
                }
            }
            for name in try manifests(in: repository) {
                let tags = tagged.removeValue(forKey: name) ?? []
                let isRight = try check(
                    name, folder.manifest(name), tags.isEmpty ? [repository.text] : tags.map(place)
                ) { () throws(CakeError) in
                    try rawManifest(name, in: repository)
                }
                // They lead nowhere any more.
                if !isRight { for tag in tags { _ = try setAsideTag(tag, in: repository) } }
            }
            for tag in tagged.values.joined().sorted() { try setAside(tag, since: "its manifest is missing") }
            for name in try modelNames(in: repository) {
                _ = try check(name, folder.model(name), [repository.text]) { () throws(CakeError) in
                    try rawModelRecord(name, in: repository)?.stored
                }
            }
        }
        return owners
    }

    private func setAsideTag(_ tag: TagName, in repository: RepositoryName) throws(CakeError) -> Bool {
        try lockAndMove(layout.repository(repository).tag(tag), as: repository.fileName + "-tag-" + tag.text)
    }

    private func lockAndMove(_ path: String, as name: String) throws(CakeError) -> Bool {
        guard isWritable else { return false }
        try locked(alone: true) { () throws(CakeError) in try moveAside(path, as: name) }
        return true
    }

    private func verifyAliases(_ share: VerifiedShare, into found: inout RegistryVerification) throws(CakeError) {
        for text in try storage.names(in: keys.aliases) {
            guard let name = BlobName("sha512:" + text) else { continue }
            var why: String?
            if let digest = try digest(of: name) {
                guard share.has(digest), try Disk.exists(layout.blob(digest)) else { continue }
                let file = try File(layout.blob(digest), .read)
                var hash = SHA512()
                try PlainBytes(file: file, start: 0, count: file.size())
                    .forEachChunk(through: Chunk(capacity: 1 << 20)) { _, bytes in hash.update(bytes) }
                if hash.finish() != name.hex { why = "its blob has another SHA-512" }
            } else {
                why = "it names no blob"
            }
            guard let why else { continue }
            let isSetAside = try lockAndMove(layout.alias(name), as: "sha512-" + text)
            found.damages.append(
                RegistryDamage(kind: .alias, name: name.description, why: why, isSetAside: isSetAside, neededBy: []))
        }
    }

    /// An upload has no digest until its end: it is only read, to find a disk that cannot read it.
    private func verifyUploads(into found: inout RegistryVerification) throws(CakeError) {
        for name in try storage.names(in: keys.uploads) {
            guard let file = try? File(layout.uploads + "/" + name + "/" + Upload.data, .read) else { continue }
            found.uploads += 1
            let size = try file.size()
            try PlainBytes(file: file, start: 0, count: size).forEachChunk(through: Chunk(capacity: 1 << 20)) { _, _ in
            }
            found.bytes += size
        }
    }

    /// Makes manifests of models again: their packs, configs and indexes come from the store.
    private func mend(_ found: inout RegistryVerification) async throws(CakeError) {
        let hit = Set(found.damages.flatMap(\.neededBy))
        guard !hit.isEmpty else { return }
        for served in try served() where hit.contains(served.place.repository.text) {
            do {
                _ = try await record(of: served, except: [])
            } catch { continue }
        }
        for index in found.damages.indices {
            let name = found.damages[index].name
            switch found.damages[index].kind {
            case .blob, .pack:
                if let digest = BlobName(name)?.sha256, try size(of: digest) != nil, try isRight(digest) {
                    found.damages[index].isMended = true
                }
            case .manifest:
                guard let digest = BlobName(name) else { continue }
                for repository in try allRepositories()
                where try Disk.exists(layout.repository(repository).model(digest)) {
                    found.damages[index].isMended = true
                }
            case .alias, .tag: continue
            }
        }
    }
}
