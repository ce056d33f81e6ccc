internal import Model
internal import Platform
internal import Store

/// Packs of the store's models: they are not stored, their bytes are those of the objects. Objects of a pack have a
/// hard link here, which keeps them unchanged when the store encodes them again or drops them.
extension RegistryStore {
    func heldPack(_ digest: Digest) throws(CakeError) -> HeldPack? {
        if isDistant { return nil }
        let key = keys.pack(digest)
        if let known = packs[digest], try storage.look(at: key) != nil { return known }
        guard let text = try storage.bytes(at: key, limit: HeldPack.maximumTextSize) else { return nil }
        let pack = try HeldPack(decoding: text)
        packs[digest] = pack
        return pack
    }

    /// Keeps the files of these objects, unchanged since they were hashed. False if the store has replaced one since.
    /// The caller holds the lock.
    func hold(_ objects: [FoundObject], as held: [HeldPack.Object]) throws(CakeError) -> Bool {
        var seen: Set<String> = []
        for (object, held) in zip(objects, held) where seen.insert(held.fileName).inserted {
            let path = layout.held(held)
            // Another file of that name may be damaged; the store's was just read, and is right.
            if let known = try Disk.status(path) {
                if object.isIn(known) { continue }
                try Disk.remove(path)
            }
            do {
                // Where the file system has no second names, the store's own is looked up when it is sent.
                guard try Disk.makeName(path, of: object.path) else {
                    if object.isMade { try Disk.rename(object.path, to: path) }
                    continue
                }
            } catch let error where error.kind == .notFound { return false }
            guard let status = try Disk.status(path), object.isIn(status) else {
                try Disk.remove(path)
                return false
            }
        }
        if !seen.isEmpty { try Disk.syncFolder(layout.held) }
        return true
    }

    func bytes(of pack: HeldPack, _ range: Range<UInt64>) throws(CakeError) -> StoredBytes {
        let runs = try runs(of: range, in: pack)
        guard let first = runs.first else { return .memory([]) }
        // A missing file is noticed before the answer begins.
        let (file, start) = try open(first)
        if runs.count == 1 { return .file(file, start..<start + first.count) }
        return .runs(
            FileRuns(
                runs.map { run in FileRuns.Run(count: run.count) { () throws(CakeError) in try open(run) } }))
    }

    /// The place of a range of a pack in one file; nil if it is in several.
    func place(of range: Range<UInt64>, in pack: HeldPack) throws(CakeError) -> (file: File, start: UInt64)? {
        let runs = try runs(of: range, in: pack)
        return runs.count == 1 ? try open(runs[0]) : nil
    }

    private func runs(of range: Range<UInt64>, in pack: HeldPack) throws(CakeError) -> [Run] {
        var runs: [Run] = []
        var last: (file: String, isHeld: Bool)?
        for part in pack.parts(of: range) {
            let file = part.object.fileName
            let isHeld: Bool
            if let last, last.file == file {
                isHeld = last.isHeld
            } else {
                isHeld = try Disk.exists(layout.held(part.object))
            }
            last = (file, isHeld)
            let run = Run(
                object: part.object, start: part.range.lowerBound, count: part.range.upperBound - part.range.lowerBound,
                isHeld: isHeld)
            if let last = runs.last, last.goesOn(in: run) {
                runs[runs.count - 1].count += run.count
            } else {
                runs.append(run)
            }
        }
        return runs
    }

    private struct Run: Sendable {
        let object: HeldPack.Object
        /// In the object.
        let start: UInt64
        var count: UInt64
        let isHeld: Bool

        /// Whether another begins where this ends, in the same file.
        func goesOn(in other: Run) -> Bool {
            isHeld && other.isHeld && object.fileName == other.object.fileName
                && object.start + start + count == other.object.start + other.start
        }
    }

    /// In the file that is held for the object; else in the store's own object.
    private func open(_ run: Run) throws(CakeError) -> (file: File, start: UInt64) {
        if run.isHeld { return (try File(layout.held(run.object), .read), run.object.start + run.start) }
        let (found, _) = try store.openAnywhere(run.object.layer)
        guard found.length == run.object.length else {
            throw CakeError(
                .damaged, "the object of layer \(run.object.layer.digest.short) is not the one in the pack")
        }
        return (found.file, found.start + run.start)
    }
}
