public import Model
internal import Platform
internal import Store

/// Blobs of a registry in another storage.
extension RegistryStore {
    func distantBlob(_ digest: Digest) throws(CakeError) -> DistantBlob? {
        let key = keys.blob(digest)
        guard let values = storage.distant, let cache, let entry = try storage.look(at: key) else { return nil }
        if let known = distantBlobs[digest], known.size == entry.size { return known }
        let blob = DistantBlob(digest, size: entry.size, at: key, in: values, through: cache)
        distantBlobs[digest] = blob
        return blob
    }

    /// An address at which a client gets a blob from the storage itself; nil if the storage gives none.
    public func link(to blob: Blob) throws(CakeError) -> String? {
        guard let digest = blob.digest, let values = storage.distant else { return nil }
        return try values.link(to: keys.blob(digest), seconds: RegistryStore.linkSeconds)
    }

    private static let linkSeconds = 300

    /// Of a blob that was verified.
    func put(_ file: File, as digest: Digest) throws(CakeError) {
        let key = keys.blob(digest)
        guard isDistant else {
            try storage.put(StorageBody(giving: file), at: key)
            return
        }
        try put(StorageBody(file, size: try file.size()), as: digest)
    }

    /// The same of bytes that lie elsewhere.
    func put(_ body: StorageBody, as digest: Digest) throws(CakeError) {
        let key = keys.blob(digest)
        try storage.distant?.saveOrWait(digest)
        // Of two pushes of the same bytes one is put. One of another size cannot have this digest.
        if let entry = try storage.lookAgain(at: key), entry.size == body.size { return }
        if try !storage.put(body, at: key, if: .absent), try storage.lookAgain(at: key)?.size != body.size {
            try storage.put(body, at: key)
        }
    }

    /// For a collection the blob counts as new.
    func markAgain(_ digest: Digest, in repository: RepositoryName, evenIfYoung: Bool) {
        let key = keys.repository(repository).blob(digest)
        guard let entry = (try? storage.look(at: key)) ?? nil, let now = try? storage.distant?.recentTime(),
            evenIfYoung || now - entry.time > RegistryStore.youngMark
        else { return }
        try? storage.mark([key])
    }
}

extension File {
    /// A copy of a range, in a file without a name: it goes when it is closed.
    func copy(_ range: Range<UInt64>, in folder: String) throws(CakeError) -> File {
        let path = folder + "/" + UploadName.random().text
        let copy = try File(path, .createPrivate)
        try Disk.remove(path)
        try PlainBytes(file: self, start: range.lowerBound, count: range.upperBound - range.lowerBound)
            .forEachChunk(through: Chunk(capacity: 1 << 20)) { offset, bytes throws(CakeError) in
                try copy.write(bytes, at: offset)
            }
        return copy
    }
}
