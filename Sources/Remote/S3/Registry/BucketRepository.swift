internal import Model
internal import Network
internal import Platform
internal import Synchronization

/// A repository of a registry whose data is in a bucket. docs/layout.md draws the keys; servers over the same bucket read and
/// write the same values.
struct BucketRepository: Sendable {
    let values: S3Values
    let name: RepositoryName
    private let seen = Seen()
    private let tombstones: BucketTombstones

    static let repositories = "repositories/"
    private static let mark = "cake registry manifest 1 "
    private static let longestType = 1024

    init(_ values: S3Values, _ name: RepositoryName) {
        (self.values, self.name) = (values, name)
        tombstones = BucketTombstones(values)
    }

    private var root: String { BucketRepository.repositories + name.fileName }
    private func key(of blob: Digest) -> String { "blobs/\(blob.hex.prefix(2))/\(blob.hex)" }
    /// An empty value: the blob is this repository's, too.
    private func mark(of blob: Digest) -> String { "\(root)/blobs/\(blob.hex)" }
    private func key(of manifest: BlobName) -> String { "\(root)/manifests/\(manifest.fileName)" }
    private func key(of tag: TagName) -> String { "\(root)/tags/\(tag.text)" }
    private func folder(of subject: BlobName) -> String { "\(root)/referrers/\(subject.fileName)" }

    /// Whether the registry's data have anything of it.
    func isThere() async throws -> Bool { try await values.bucket.hasValues(below: root + "/") }

    private func missing(_ what: String) -> CakeError {
        CakeError(.notFound, "\(values.bucket) does not have \(what)", fix: "check the name and the tag")
    }

    private func damaged(_ what: String, _ why: String) -> CakeError {
        CakeError(.damaged, "\(values.bucket): \(what) \(why)", fix: "push it again")
    }

    // Manifests.

    func manifest(_ wanted: ManifestName) async throws -> RemoteRepository.Kept {
        switch wanted {
        case .none: throw missing("\(name)")
        case .tag(let tag):
            let words = "\(name):\(tag.text)"
            guard let target = try await target(of: tag) else { throw missing(words) }
            return try await manifest(target, words)
        case .digest(let digest): return try await manifest(digest, "\(name)@\(digest)")
        }
    }

    private func target(of tag: TagName) async throws -> BlobName? {
        guard let bytes = try await values.bytes(at: key(of: tag), limit: 256) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasSuffix("\n"), let target = BlobName(text.dropLast()) else {
            throw damaged("the tag \(tag.text) of \(name)", "names no manifest")
        }
        return target
    }

    private func manifest(_ digest: BlobName, _ words: String) async throws -> RemoteRepository.Kept {
        let limit = RegistryManifest.maximumSize + BucketRepository.longestType + 64
        guard let all = try await values.bytes(at: key(of: digest), limit: limit) else { throw missing(words) }
        guard let end = all.firstIndex(of: UInt8(ascii: "\n")), all.starts(with: BucketRepository.mark.utf8) else {
            throw damaged(words, "is not a manifest")
        }
        let bytes = Array(all[(end + 1)...])
        guard RemoteRepository.name(of: bytes, as: digest.algorithm) == digest else {
            throw damaged(words, "does not match its digest")
        }
        let type = String(decoding: all[BucketRepository.mark.utf8.count..<end], as: UTF8.self)
        return RemoteRepository.Kept(bytes: bytes, name: digest, mediaType: type)
    }

    /// Its blobs count as new for a collection before the manifest is there, and are looked at again before the tag is: a
    /// collection that began earlier may have removed one. docs/decisions/0020 says why the order keeps them.
    func put(_ manifest: RemoteRepository.Kept, as wanted: ManifestName) async throws {
        let start = ContinuousClock.now
        let parsed = try RegistryManifest(parsing: manifest.bytes.span)
        if let subject = parsed.subject {
            try await values.mark(["\(folder(of: subject.name))/\(manifest.name.fileName)"])
        }
        let needed = Set(parsed.needed)
        for one in needed.compactMap(\.name.sha256) where try await tombstones.has(one) {
            if try await !tombstones.save(one) { throw tombstones.busy(one) }
        }
        try await values.mark(needed.compactMap { $0.name.sha256.map(mark) })
        let line = BucketRepository.mark + manifest.mediaType + "\n"
        _ = try await values.put(
            S3Body(Array(line.utf8) + manifest.bytes), at: key(of: manifest.name), if: .always)
        try await eachOf(needed) { one in
            // First the tombstone: what was removed between is missed by the look.
            if let digest = one.name.sha256, try await !tombstones.save(digest) { throw tombstones.busy(digest) }
            guard try await isThere(one.name, size: one.size) else {
                throw CakeError(
                    .failed, "\(values.bucket): blob \(one.name.short) was removed during the push",
                    fix: "run the same command again")
            }
        }
        guard ContinuousClock.now - start < Tombstone.longestRequest else {
            throw CakeError(
                .network, "\(values.bucket): the blobs of the manifest could not be looked at in time",
                fix: "run the same command again")
        }
        guard case .tag(let tag) = wanted else { return }
        _ = try await values.put(S3Body(Array("\(manifest.name)\n".utf8)), at: key(of: tag), if: .always)
    }

    func tags() async throws -> [TagName] {
        try await values.names(in: "\(root)/tags").compactMap { TagName($0) }
    }

    /// Takes a tag away, or a manifest with all its tags. False if there is none.
    func delete(_ wanted: ManifestName) async throws -> Bool {
        switch wanted {
        case .none: return false
        case .tag(let tag): return try await values.remove(key(of: tag), ifUnchanged: nil)
        case .digest(let digest):
            guard let kept = try? await manifest(digest, "\(digest)") else { return false }
            for tag in try await tags() where try await target(of: tag) == digest {
                _ = try await values.remove(key(of: tag), ifUnchanged: nil)
            }
            _ = try await values.remove(key(of: digest), ifUnchanged: nil)
            if let subject = try RegistryManifest(parsing: kept.bytes.span).subject {
                _ = try await values.remove(
                    "\(folder(of: subject.name))/\(digest.fileName)", ifUnchanged: nil)
            }
            return true
        }
    }

    /// The entries of manifests that refer to another, as a registry lists them.
    func referrers(of subject: BlobName) async throws -> [JSONValue] {
        var found: [JSONValue] = []
        for file in try await values.names(in: folder(of: subject)) {
            guard let name = BlobName(fileName: file), let kept = try? await manifest(name, "\(name)") else { continue }
            let manifest = try RegistryManifest(parsing: kept.bytes.span)
            found.append(try manifest.referrer(name, mediaType: kept.mediaType, in: kept.bytes.span))
        }
        return found
    }

    private func eachOf(
        _ needed: Set<Descriptor>, _ look: @escaping @Sendable (Descriptor) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, one) in needed.enumerated() {
                if number >= BucketRepository.lanes { try await group.next() }
                group.addTask { try await look(one) }
            }
            try await group.waitForAll()
        }
    }

    private static let lanes = 16

    // Blobs.

    /// A push that asks may leave the blob out: for a collection it counts as new.
    func has(_ blob: BlobName, size: UInt64) async throws -> Bool {
        guard let digest = blob.sha256 else { return false }
        let wasBuried = try await tombstones.has(digest)
        if wasBuried, try await !tombstones.save(digest) { return false }
        guard try await isThere(blob, size: size) else { return false }
        if let there = try await values.look(at: mark(of: digest)),
            wasBuried || there.now - there.time > BucketRepository.youngMark
        {
            // Credentials that may only read ask, too.
            do { try await values.mark([mark(of: digest)]) } catch { try Task.checkCancellation() }
        }
        return true
    }

    /// Seconds.
    private static let youngMark = 3600

    private func isThere(_ blob: BlobName, size: UInt64) async throws -> Bool {
        guard let digest = blob.sha256, let there = try await values.look(at: key(of: digest)) else { return false }
        guard there.size == size else {
            throw damaged("blob \(blob.short)", "has \(there.size) bytes instead of \(size)")
        }
        return true
    }

    /// Small, and whole.
    func blob(_ descriptor: Descriptor) async throws -> [UInt8] {
        let what = "blob \(descriptor.name.short) of \(name)"
        guard let digest = descriptor.name.sha256,
            let bytes = try await values.bytes(at: key(of: digest), limit: Int(descriptor.size))
        else { throw missing(what) }
        guard UInt64(bytes.count) == descriptor.size, SHA256.digest(of: bytes.span) == digest else {
            throw damaged(what, "does not match its digest")
        }
        return bytes
    }

    /// A run of a blob, from its first byte on.
    func open(_ range: Range<UInt64>, of blob: BlobName, size: UInt64) async throws -> OpenedRun {
        let what = "blob \(blob.short) of \(name)"
        guard let digest = blob.sha256 else { throw missing(what) }
        var there = seen.entries.withLock { $0[digest] }
        if there == nil { there = try await values.bucket.lookOnce(at: key(of: digest)) }
        guard let there else { throw missing(what) }
        guard there.size == size else { throw damaged(what, "has \(there.size) bytes instead of \(size)") }
        seen.entries.withLock { $0[digest] = there }
        do {
            return try await values.bucket.value(key(of: digest), there).open(range)
        } catch let error as CakeError where error.kind == .notFound {
            seen.entries.withLock { $0[digest] = nil }
            throw error
        }
    }

    /// Blobs of which runs were read.
    private final class Seen: Sendable {
        let entries = Mutex<[Digest: S3Bucket.Entry]>([:])
    }

    /// Makes a blob this repository's, too. False if the registry's data do not have it: another prefix of the bucket is
    /// another registry.
    func mount(_ blob: BlobName) async throws -> Bool {
        guard let digest = blob.sha256 else { return false }
        if try await tombstones.has(digest), try await !tombstones.save(digest) { return false }
        guard try await values.look(at: key(of: digest)) != nil else { return false }
        try await values.mark([mark(of: digest)])
        return true
    }

    func upload(_ body: UploadBody) async throws {
        guard let digest = body.name.sha256 else {
            throw CakeError(.failed, "blob \(body.name.short) is not named by a SHA-256")
        }
        try await tombstones.saveOrWait(digest)
        let sent = S3Body(size: body.size, digest: digest, send: body.send)
        // A blob that must be replaced has wrong bytes: not only where none is.
        _ = try await values.put(sent, at: key(of: digest), if: .always)
        try await values.mark([mark(of: digest)])
    }
}

extension S3Bucket {
    /// Whether any key begins so.
    func hasValues(below prefix: String) async throws -> Bool {
        var asked = question(.get, nil, "to list ")
        let whole = place.key(prefix)
        asked.query = [("list-type", "2"), ("prefix", whole), ("max-keys", "1")]
        let answer = try await document(asked)
        return try !S3Listing(parsing: answer, prefix: whole).entries.isEmpty
    }
}
