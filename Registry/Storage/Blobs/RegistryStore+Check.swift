public import Model
internal import Platform
internal import Store

/// The result of reading a blob to its end.
public enum BlobCheck: Sendable {
    case right
    /// It does not exist, or was removed meanwhile.
    case missing
    /// Its bytes do not match its name.
    case wrong(WrongBlob)
    /// The disk cannot read its bytes. They may be right.
    case unreadable(CakeError)
}

public struct WrongBlob: Sendable {
    public let digest: Digest
    public let why: String
    /// The state of its files when they were read.
    let files: [Disk.Status]
    /// For a pack of the store's objects, the wrong ones.
    let objects: [HeldPack.Object]
}

/// Blobs are compared with their digests: when they are asked for, in the background, and by `cake verify`.
extension RegistryStore {
    /// Whether a blob was found right within that time, or ever, and its files have not changed since. Another storage guards its
    /// bytes itself.
    public func isChecked(_ digest: Digest, within life: Duration?) throws(CakeError) -> Bool {
        if isDistant { return true }
        guard let files = try look(at: digest) else { return false }
        return checks.has(digest, files, within: life)
    }

    public func isChecked(_ again: BlobAgain, within life: Duration?) -> Bool {
        again.blob.digest.map { checks.has($0, [again.status], within: life) } ?? false
    }

    /// The files of a blob; nil if one is missing, and for bytes in the store's own objects.
    func look(at digest: Digest) throws(CakeError) -> [Disk.Status]? {
        if let status = try Disk.status(layout.blob(digest)) { return [status] }
        guard let pack = try heldPack(digest), let text = try Disk.status(layout.pack(digest)) else { return nil }
        var files = [text]
        var last: String?
        for object in pack.objects where object.fileName != last {
            last = object.fileName
            guard let status = try Disk.status(layout.held(object)) else { return nil }
            files.append(status)
        }
        return files
    }

    /// The state of a blob's files before all of it is read.
    public struct FilesToCheck: Sendable { fileprivate let files: [Disk.Status]? }

    public func filesToCheck(of digest: Digest) throws(CakeError) -> FilesToCheck {
        FilesToCheck(files: try look(at: digest))
    }

    /// All of it was read, and matched the digest.
    public func wasRight(_ digest: Digest, _ files: FilesToCheck) {
        guard let before = files.files, let now = try? look(at: digest), now.isUnchanged(since: before) else { return }
        checks.add(digest, now)
    }

    /// Reads a blob to its end.
    public func check(_ digest: Digest, progress: (UInt64) -> Void = { _ in }) throws(CakeError) -> BlobCheck {
        if let cache {
            // What could not be decoded comes from the storage again.
            cache.drop(digest)
            return .right
        }
        let files = try look(at: digest)
        let chunk = Chunk(capacity: 1 << 20)
        let file: File
        do {
            file = try File(layout.blob(digest), .read)
        } catch let error where error.kind == .notFound {
            guard let pack = try heldPack(digest) else { return .missing }
            return try check(pack, digest, files, through: chunk, progress)
        } catch { return .unreadable(error) }
        var hash = SHA256()
        do throws(CakeError) {
            try PlainBytes(file: file, start: 0, count: file.size()).forEachChunk(through: chunk) { _, bytes in
                hash.update(bytes)
                progress(UInt64(bytes.count))
            }
        } catch { return .unreadable(error) }
        return try finish(hash.finish(), digest, files, [])
    }

    private func check(
        _ pack: HeldPack, _ digest: Digest, _ files: [Disk.Status]?, through chunk: Chunk,
        _ progress: (UInt64) -> Void
    ) throws(CakeError) -> BlobCheck {
        var whole = SHA256()
        var wrong: [HeldPack.Object] = []
        for (object, bytes) in zip(pack.objects, pack.extents) {
            var own = SHA256()
            do throws(CakeError) {
                guard let place = try place(of: bytes, in: pack) else { return .missing }
                try PlainBytes(file: place.file, start: place.start, count: object.length)
                    .forEachChunk(through: chunk) { _, bytes in
                        SHA256.update(&own, &whole, bytes)
                        progress(UInt64(bytes.count))
                    }
            } catch {
                guard error.kind == .notFound || error.kind == .damaged else { return .unreadable(error) }
                wrong.append(object)
            }
            if own.finish() != object.stored, wrong.last != object { wrong.append(object) }
        }
        return try finish(whole.finish(), digest, files, wrong)
    }

    private func finish(
        _ found: Digest, _ digest: Digest, _ files: [Disk.Status]?, _ objects: [HeldPack.Object]
    ) throws(CakeError) -> BlobCheck {
        let now = try look(at: digest)
        guard let files, let now, now.isUnchanged(since: files) else {
            // Replaced or removed meanwhile: the bytes that were read say nothing. Without hard links nothing is held,
            // and a pack is made of the store's objects.
            if found == digest { return .right }
            guard files == nil, now == nil, try heldPack(digest) != nil else { return .missing }
            return .wrong(WrongBlob(digest: digest, why: "the store has other objects", files: [], objects: objects))
        }
        guard found != digest else {
            checks.add(digest, files)
            return .right
        }
        checks.forget(digest)
        let why =
            objects.isEmpty
            ? "its bytes hash to \(found.short)"
            : "\(objects.count) of its objects \(objects.count == 1 ? "is" : "are") damaged or missing"
        return .wrong(WrongBlob(digest: digest, why: why, files: files, objects: objects))
    }

    /// Moves a damaged blob away: from then on it is not here, and the next push sends it again. False if another
    /// process has replaced it meanwhile.
    @discardableResult
    public func setAside(_ wrong: WrongBlob) throws(CakeError) -> Bool {
        guard isWritable else { return false }
        return try locked(alone: true) { () throws(CakeError) in
            guard try (look(at: wrong.digest) ?? []).isUnchanged(since: wrong.files) else { return false }
            if try Disk.exists(layout.blob(wrong.digest)) {
                try moveAside(layout.blob(wrong.digest), as: wrong.digest.hex)
            } else if try Disk.exists(layout.pack(wrong.digest)) {
                for object in wrong.objects where object.place == .alone {
                    let path = layout.held(object)
                    if try Disk.exists(path) { try moveAside(path, as: object.fileName) }
                }
                try moveAside(layout.pack(wrong.digest), as: wrong.digest.hex + Layout.packSuffix)
            } else {
                return false
            }
            packs.removeAll()
            try dropRecords(naming: wrong.digest)
            return true
        }
    }

    /// The caller holds the lock alone.
    func moveAside(_ path: String, as name: String) throws(CakeError) {
        try makeFolder(store.layout.registryDamaged)
        try Disk.rename(path, to: store.layout.registryDamaged + "/" + name)
        try Disk.syncFolder(Disk.parent(of: path))
    }

    /// Manifests of models that name this are made again when they are asked for.
    private func dropRecords(naming digest: Digest) throws(CakeError) {
        for repository in try allRepositories() {
            for (record, _) in (try? modelRecords(in: repository)) ?? [] {
                guard let manifest = try? RegistryManifest(parsing: record.stored.bytes.span),
                    manifest.needed.contains(where: { $0.name.sha256 == digest })
                else { continue }
                try Disk.remove(layout.repository(repository).model(record.stored.name))
            }
        }
    }

    /// A manifest with wrong bytes is moved away like a blob. The other contents of its repository count as new for a
    /// collection, because nothing names them until the manifest is pushed again.
    func setAsideManifest(
        _ path: String, _ name: BlobName, in repository: RepositoryName, reading: () throws(CakeError) -> Void
    ) throws(CakeError) {
        // In another storage it is replaced by the next push.
        guard isWritable, !isDistant else { return }
        try locked(alone: true) { () throws(CakeError) in
            do throws(CakeError) {
                return try reading()
            } catch let error where error.kind == .damaged {}
            let marks = keys.repository(repository).blobs
            try storage.mark(storage.names(in: marks).map { marks + "/" + $0 })
            try moveAside(path, as: repository.fileName + "-" + name.fileName)
        }
    }

    /// Whether a blob matches its digest, read now unless it was before. A wrong one is left to the checker.
    func isRight(_ digest: Digest) throws(CakeError) -> Bool {
        if isDistant { return try distantBlob(digest)?.proved() != nil }
        if try isChecked(digest, within: nil) { return true }
        switch try check(digest) {
        case .right: return true
        case .missing: return false
        case .wrong, .unreadable:
            doubted.add(digest)
            return false
        }
    }

    /// Calls back with each blob that should be checked, from any thread.
    public func onDoubt(_ handler: @escaping @Sendable (Digest) -> Void) { doubted.give(to: handler) }
}
