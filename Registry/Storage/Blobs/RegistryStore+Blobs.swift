public import Model
public import Platform
internal import Store

/// Blobs, each once on disk under its SHA-256; a repository has the blobs for which it has a mark.
extension RegistryStore {
    public struct Blob: Sendable {
        public let size: UInt64
        /// Nil for other bytes than a blob of the registry.
        public let digest: Digest?
        private let source: Source

        private enum Source: Sendable {
            case body(StorageBody)
            case pack(HeldPack, RegistryStore)
            case distant(DistantBlob)
        }

        init(_ body: StorageBody, _ digest: Digest? = nil) {
            size = body.size
            self.digest = digest
            source = .body(body)
        }

        init(_ pack: HeldPack, _ digest: Digest, in registry: RegistryStore) {
            size = pack.size
            self.digest = digest
            source = .pack(pack, registry)
        }

        init(_ blob: DistantBlob) {
            size = blob.size
            digest = blob.digest
            source = .distant(blob)
        }

        /// The one file with all of it; nil if it has several.
        var file: File? {
            switch source {
            case .body(let body): body.file?.file
            case .pack: nil
            case .distant(let blob): blob.file
            }
        }

        /// Nil for bytes on this disk.
        var distant: DistantBlob? { if case .distant(let blob) = source { blob } else { nil } }

        /// A range of a blob in another storage, to be sent while it comes; nil for bytes on this disk.
        public func distantBytes(_ range: Range<UInt64>, on pool: BlockingPool) -> DistantBytes? {
            distant.map { DistantBytes(range, of: $0, on: pool) }
        }

        /// The same in a file without a name, if it is in no file of this disk: many may send it.
        public func inFile(in folder: String) throws(CakeError) -> Blob {
            guard case .body(let body) = source else { return self }
            switch body.place {
            case .memory(let bytes): return Blob(StorageBody(try File(inMemory: bytes.span), size: size))
            case .file(let file, let start, _) where !file.isHere:
                return Blob(StorageBody(try file.copy(start..<start + size, in: folder), size: size))
            default: return self
            }
        }

        public func bytes(_ range: Range<UInt64>) throws(CakeError) -> StoredBytes {
            switch source {
            case .body(let body):
                guard let bytes = body.stored(range) else {
                    throw CakeError(.failed, "the bytes of a blob are not here")
                }
                return bytes
            case .pack(let pack, let registry): return try registry.bytes(of: pack, range)
            case .distant(let blob):
                return .memory(try blob.file.bytes(at: range.lowerBound, count: range.count))
            }
        }

        /// All of it, compared with its digest while it is read. `ended` gets the result.
        public func provedBytes(_ ended: @escaping @Sendable (Bool) -> Void) throws(CakeError) -> StoredBytes {
            let all = try bytes(0..<size)
            return digest.map { all.proved(by: $0, ended: ended) } ?? all
        }

        /// The place of a range in one file; nil if it is in none, or in several.
        func place(of range: Range<UInt64>) throws(CakeError) -> (file: File, start: UInt64)? {
            guard range.lowerBound <= range.upperBound, range.upperBound <= size else { return nil }
            switch source {
            case .body(let body): return body.file.map { ($0.file, $0.start + range.lowerBound) }
            case .pack(let pack, let registry): return try registry.place(of: range, in: pack)
            case .distant(let blob): return (blob.file, range.lowerBound)
            }
        }
    }

    /// Nil when the repository does not have it.
    public func blob(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> Blob? {
        if let blob = opened.blob(name, in: repository) { return blob }
        guard let digest = try digest(of: name) else { return nil }
        if isDistant {
            let marked = try storage.look(atEach: [keys.repository(repository).blob(digest), keys.blob(digest)])
            guard let mark = marked.first, mark != nil else { return nil }
            return try distantBlob(digest).map { Blob($0) }
        }
        let place = layout.repository(repository)
        let mark: File
        do {
            mark = try File(place.blob(digest), .read)
        } catch let error where error.kind == .notFound { return nil }
        guard let blob = try open(digest) else { return nil }
        let path = blob.file == nil ? layout.pack(digest) : layout.blob(digest)
        if let status = try Disk.status(path) {
            opened.add(blob, name, in: repository, mark: mark, from: path, status, models: place.models)
        }
        return blob
    }

    /// A blob that is open since an earlier request, with its file as it is now.
    public struct BlobAgain: Sendable {
        public let blob: Blob
        let status: Disk.Status
        let models: String
    }

    /// Nil for a blob that was not requested lately, was removed or replaced, or has no file of its own.
    public func blobAgain(_ name: BlobName, in repository: RepositoryName) -> BlobAgain? {
        opened.again(name, in: repository)
    }

    /// Closes blobs that were not requested recently. To be called now and then.
    public func closeIdle() { opened.closeOld() }

    /// A client that asks whether a blob is here may be about to name it: for a collection it counts as new. False for one that a
    /// collection is removing.
    public func keep(_ name: BlobName, in repository: RepositoryName) throws(CakeError) -> Bool {
        if isDistant {
            guard let digest = try digest(of: name) else { return false }
            let saved = try save(digest)
            if saved == .isBeingRemoved { return false }
            markAgain(digest, in: repository, evenIfYoung: saved == .wasSaved)
            return true
        }
        guard store.isWritable, let digest = try? digest(of: name) else { return true }
        let mark = layout.repository(repository).blob(digest)
        guard let status = try? Disk.status(mark), Machine.now - status.modified > 3600 else { return true }
        try? Disk.touch(mark)
        return true
    }

    /// The digest of a blob that might be mounted; nil when it is not here.
    public func mountable(_ name: BlobName) throws(CakeError) -> Digest? {
        guard let digest = try digest(of: name), try size(of: digest) != nil else { return nil }
        return digest
    }

    /// Gives a repository a blob of another repository; of any that has it if none is named. False if there is none.
    public func mount(
        _ name: BlobName, from source: RepositoryName?, to repository: RepositoryName,
        where isGiven: (RepositoryName) throws(CakeError) -> Bool = { _ in true }
    ) throws(CakeError) -> Bool {
        guard let digest = try digest(of: name) else { return false }
        return try locked(alone: false) { () throws(CakeError) in
            var isThere = false
            let places = if let source { [source] } else { try allRepositories() }
            for some in places.groups where !isThere {
                let marks = try storage.look(atEach: some.map { keys.repository($0).blob(digest) })
                for (place, mark) in zip(some, marks) where !isThere && mark != nil { isThere = try isGiven(place) }
            }
            guard isThere, try size(of: digest) != nil, try save(digest) != .isBeingRemoved else { return false }
            try mark([digest], in: repository)
            return true
        }
    }

    /// Takes a blob from a repository; its bytes go with the next collection, unless another has it. False when it was not
    /// there.
    public func remove(_ name: BlobName, from repository: RepositoryName) throws(CakeError) -> Bool {
        guard let digest = try digest(of: name) else { return false }
        return try locked(alone: true) { () throws(CakeError) in
            try storage.remove(keys.repository(repository).blob(digest))
        }
    }

    /// The SHA-256 of a blob by any name; nil for a SHA-512 without a pushed blob.
    func digest(of name: BlobName) throws(CakeError) -> Digest? {
        if let digest = name.sha256 { return digest }
        guard let bytes = try storage.bytes(at: keys.alias(name), limit: 128) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasSuffix("\n") ? Digest(hex: String(text.dropLast())) : nil
    }

    private func open(_ digest: Digest) throws(CakeError) -> Blob? {
        if let body = try storage.body(at: keys.blob(digest)) { return Blob(body, digest) }
        return try heldPack(digest).map { Blob($0, digest, in: self) }
    }

    /// Of a blob, in any repository; nil if it is not here.
    func size(of digest: Digest) throws(CakeError) -> UInt64? {
        if let entry = try storage.look(at: keys.blob(digest)) { return entry.size }
        return try heldPack(digest)?.size
    }

    /// A small blob, complete; nil also if its bytes are wrong.
    func bytes(of digest: Digest, limit: Int) throws(CakeError) -> [UInt8]? {
        guard let bytes = try storage.bytes(at: keys.blob(digest), limit: limit) else { return nil }
        guard SHA256.digest(of: bytes.span) == digest else {
            doubted.add(digest)
            return nil
        }
        return bytes
    }

    /// Makes a blob from bytes in memory. The caller holds the lock.
    func put(blob bytes: [UInt8]) throws(CakeError) -> (Digest, UInt64) {
        let digest = SHA256.digest(of: bytes.span)
        if try self.bytes(of: digest, limit: bytes.count) == nil {
            try storage.put(StorageBody(bytes), at: keys.blob(digest))
        }
        return (digest, UInt64(bytes.count))
    }

    /// Makes a synced, complete and verified file the blob of that name. A damaged one is replaced by it.
    func publish(_ file: File, _ digest: Digest, as name: BlobName, in repository: RepositoryName) throws(CakeError) {
        try locked(alone: false) { () throws(CakeError) in
            try put(file, as: digest)
            if name.algorithm != .sha256 {
                try storage.put(StorageBody(Array((digest.hex + "\n").utf8)), at: keys.alias(name))
            }
            try mark([digest], in: repository)
            // It was hashed as it came.
            if !isDistant, let files = try look(at: digest) { checks.add(digest, files) }
        }
    }

    /// Makes the blobs a repository's. The caller holds the lock.
    func mark(_ digests: [Digest], in repository: RepositoryName) throws(CakeError) {
        try storage.mark(digests.map(keys.repository(repository).blob))
    }
}
