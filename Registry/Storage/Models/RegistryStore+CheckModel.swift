internal import Codec
public import Model
internal import Platform
internal import Synchronization

/// Checks a pushed model before its manifest is accepted.
extension RegistryStore {
    /// Refuses a model that could not be rebuilt: its index must decode, have every layer of the model with its base,
    /// and name places with objects of these layers. Of an object only the first frame is read. Blobs that the
    /// repository lacks are left to `put`.
    public func checkModel(_ manifest: RegistryManifest, in repository: RepositoryName) throws(CakeError) {
        guard manifest.artifactType == ModelArtifact.artifactType else { return }
        let artifact = try ModelArtifact(manifest)
        // One at a time: an index may name a million layers.
        try checking.alone { () throws(CakeError) in try check(artifact, in: repository) }
    }

    private func check(_ artifact: ModelArtifact, in repository: RepositoryName) throws(CakeError) {
        guard try has(artifact.packs, on: .repository(repository)),
            let index = try bytes(of: artifact.index, limit: PackIndex.maximumSize, in: repository),
            let text = try bytes(of: artifact.manifest, limit: ManifestText.maximumSize, in: repository)
        else { return }
        let packs = try PackIndex(decoding: index.span)
        try artifact.check(packs, ManifestText.decode(text.span))
        var members = packs.members
        members.sort { ($0.pack, $0.offset) < ($1.pack, $1.offset) }
        for (pack, digest) in packs.packs.map(\.digest).enumerated() {
            guard let blob = try blob(BlobName(digest), in: repository) else { return }
            let members = members[members.partitioningIndex { $0.pack >= pack }...].prefix { $0.pack == pack }
            let heads = try blob.distant?.heads(
                of: members.map { $0.offset..<$0.offset + min($0.length, RegistryStore.usualFrame) })
            for (number, member) in members.enumerated() { try check(member, in: blob, heads?[number]) }
        }
    }

    /// Nil if it is missing, or has another size than the manifest says.
    func bytes(
        of descriptor: Descriptor, limit: Int, in repository: RepositoryName
    ) throws(CakeError) -> [UInt8]? {
        guard let blob = try blob(descriptor.name, in: repository), blob.size == descriptor.size else { return nil }
        guard blob.size <= UInt64(limit) else {
            throw CakeError(.damaged, "a blob of the model has \(blob.size) bytes, more than \(limit)")
        }
        guard blob.size > 0 else { return [] }
        guard let place = try blob.place(of: 0..<blob.size) else { return nil }
        return try place.file.bytes(at: place.start, count: Int(blob.size))
    }

    /// Most first frames are shorter.
    private static let usualFrame: UInt64 = 160

    private func check(_ member: PackIndex.Member, in pack: Blob, _ known: [UInt8]?) throws(CakeError) {
        func refuse(_ why: String) -> CakeError {
            CakeError(
                .damaged, "the index of packs \(why) layer \(member.layer.digest.short)", fix: "push the model again")
        }
        guard let place = try pack.place(of: member.offset..<member.offset + member.length) else {
            throw refuse("has no complete object for")
        }
        let header: ObjectHeader
        do throws(CakeError) {
            let first = Int(min(member.length, RegistryStore.usualFrame))
            var head = known ?? []
            if head.isEmpty { head = try place.file.bytes(at: place.start, count: first) }
            let needed = ObjectHeader.needs(head.span)
            if needed > head.count, UInt64(needed) <= member.length {
                head = try place.file.bytes(at: place.start, count: needed)
            }
            header = try ObjectHeader.decode(head.span).header
        } catch {
            guard error.kind == .damaged else { throw error }
            throw refuse("names an object where there is none, of")
        }
        guard header.layer == member.layer else {
            throw refuse("names another object than the one there, for")
        }
        guard header.base == member.base else { throw refuse("names another base than the object has, for") }
        guard header.transform.rawValue == member.transform else {
            throw refuse("names another transform than the object has, for")
        }
    }
}

/// Held while a model is compared with its packs.
final class Checking: Sendable {
    private let lock = Mutex(())

    func alone(_ body: () throws(CakeError) -> Void) throws(CakeError) {
        try lock.withLock { _ throws(CakeError) in try body() }
    }
}
