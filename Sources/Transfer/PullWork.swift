internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// Brings files that are not here: three things at once. Bytes arrive; whole units become layers; and each file is
/// hashed in order, against what was published.
struct PullWork: Sendable {
    struct Outcome: Sendable {
        var verified: [(SnapshotFile, Manifest.File)] = []
        /// Files whose bytes are not what was published.
        var wrong: [SnapshotFile] = []
        /// Files whose parts may go once the layers are published.
        var finished: [RemoteFile] = []
        var checkpoint: Checkpoint?
        var bytesFetched: UInt64 = 0
        var bytesStored: UInt64 = 0
        var saved: [Pull.Proof: UInt64] = [:]
    }

    let source: HubSource
    let snapshot: Snapshot
    let store: LocalStore
    let operation: Operation
    let progress: Progress
    let options: Pull.Options

    private static let publishStep: UInt64 = 1 << 30

    private struct Whole: Sendable {
        let file: Int
        let unit: Int
    }

    func callAsFunction(
        _ files: [SnapshotFile], skippingCopies: Bool, waiting: @escaping @Sendable (FilePath) -> Void
    ) async throws -> Outcome {
        let (wholes, continuation) = AsyncStream.makeStream(of: Whole.self)
        defer { continuation.finish() }
        var outcome = Outcome()
        let opened = try await open(files, skippingCopies, waiting, &outcome) { file, unit in
            continuation.yield(Whole(file: file, unit: unit))
        }
        for file in opened {
            progress.did(bytes: file.listed.size - file.missing)
            progress.knew(bytes: file.bytesHere)
            let proof: Pull.Proof = if case .copy = file.bytes { .cachedFile } else { .resumed }
            if file.bytesHere > 0 { outcome.saved[proof, default: 0] += file.bytesHere }
            outcome.bytesFetched += file.listed.size - file.bytesHere
        }
        try await refuseIfTooSmall(for: opened)
        let checkpoint = Checkpoint(opened, store: store, operation: operation)
        outcome.checkpoint = checkpoint
        let (stored, digests) = try await bring(opened, wholes, continuation, checkpoint)
        outcome.bytesStored = stored
        for (file, found) in zip(opened, digests) {
            if found.isAsPublished(file.listed, announced: file.announced) {
                outcome.verified.append((file.listed, try file.described(digest: found.sha256)))
                outcome.finished.append(file)
            } else {
                outcome.wrong.append(file.listed)
                try file.discardParts()
            }
        }
        return outcome
    }

    private enum Done: Sendable {
        case fetched
        case layered(UInt64)
        case hashed([Hashes])
    }

    /// The three things at once; one that fails ends the others. Returns the bytes at rest, and each file's hashes.
    private func bring(
        _ opened: [RemoteFile], _ wholes: AsyncStream<Whole>, _ continuation: AsyncStream<Whole>.Continuation,
        _ checkpoint: Checkpoint
    ) async throws -> (UInt64, [Hashes]) {
        let fetch = Fetch(
            files: opened, progress: progress, mostConnections: options.mostConnections, pool: store.pool,
            throttle: options.bytesPerSecond.map { Throttle(bytesPerSecond: $0) })
        return try await withThrowingTaskGroup(of: Done.self) { group in
            group.addTask {
                try await fetch()
                return .fetched
            }
            group.addTask { .layered(try await layer(opened, wholes, checkpoint)) }
            group.addTask { .hashed(try await hash(opened, checkpoint)) }
            var (stored, digests) = (UInt64(0), [Hashes]())
            do {
                for try await done in group {
                    switch done {
                    case .fetched: break
                    case .layered(let bytes): stored = bytes
                    case .hashed(let found): digests = found
                    }
                }
            } catch {
                // Who waits for bytes that will not come is told, so that all ends.
                for file in opened { file.arrivals.giveUp(error) }
                continuation.finish()
                throw error
            }
            return (stored, digests)
        }
    }

    /// The parts lie beside the layers until the file is whole: room for both is needed.
    private func refuseIfTooSmall(for files: [RemoteFile]) async throws {
        let missing = files.reduce(UInt64(0)) { $0 + $1.missing }
        let layers = files.reduce(UInt64(0)) { $0 + $1.listed.size }
        let free = try Disk.freeBytes(store.layout.root)
        guard free >= missing + layers else {
            throw CakeError(
                .diskFull,
                "this needs up to \(Quantities.bytes(missing + layers)) while it is fetched, and the disk has \(Quantities.bytes(free)) left",
                fix: "free some space: cake gc, or put the store on another disk with CAKE_HOME")
        }
    }

    /// Turns whole units into layers, a few at once. Returns the bytes at rest that were published.
    private func layer(
        _ files: [RemoteFile], _ wholes: AsyncStream<Whole>, _ checkpoint: Checkpoint
    ) async throws -> UInt64 {
        let layering = Layering(store: store, operation: operation)
        var left = files.reduce(0) { $0 + $1.units.count }
        var stored: UInt64 = 0
        try await withThrowingTaskGroup(of: (Whole, Layering.Layered).self) { group in
            var active = 0
            func take(_ done: (Whole, Layering.Layered)) throws {
                active -= 1
                let file = files[done.0.file]
                if case .small(let found) = done.1 { for small in found { try small.pack(in: operation) } }
                file.note(done.1, of: file.units[done.0.unit])
                if operation.pendingBytes >= PullWork.publishStep {
                    stored += try operation.publish()
                    try checkpoint.settle()
                }
            }
            guard left > 0 else { return }
            for await whole in wholes {
                if active > BlockingPool.processors, let done = try await group.next() { try take(done) }
                let file = files[whole.file]
                group.addTask(executorPreference: store.pool) {
                    let unit = file.units[whole.unit]
                    let layered = try await layering.layer(unit, of: file.segmentation, file.plain(unit.bytes)) { _ in }
                    return (whole, layered)
                }
                active += 1
                left -= 1
                if left == 0 { break }
            }
            while let done = try await group.next() { try take(done) }
        }
        return stored
    }

    struct Hashes: Sendable {
        let sha256: Digest
        let git: GitDigest

        /// What a listing hides may be said where the file is. A file for which nothing was published, which no Hub
        /// does, is taken by its size alone.
        func isAsPublished(_ listed: SnapshotFile, announced: Digest?) -> Bool {
            if let published = listed.sha256 ?? (listed.gitDigest == nil ? announced : nil) {
                return published == sha256
            }
            if let published = listed.gitDigest { return published == git }
            return true
        }
    }

    /// Follows the arriving bytes from front to back.
    private func hash(_ files: [RemoteFile], _ checkpoint: Checkpoint) async throws -> [Hashes] {
        var hashes: [Hashes] = []
        for file in files {
            var sha256 = SHA256()
            var git = GitHash(size: file.listed.size)
            let needsGit = file.listed.gitDigest != nil
            for (index, unit) in file.units.enumerated() {
                try await file.arrivals.wait(for: index)
                try store.forEachChunk(of: file.plain(unit.bytes)) { bytes in
                    sha256.update(bytes)
                    if needsGit { git.update(bytes) }
                }
            }
            let found = Hashes(sha256: sha256.finish(), git: git.finish())
            checkpoint.note(found, of: file.number)
            hashes.append(found)
            progress.finished()
        }
        return hashes
    }
}

/// What a remote file's parts are kept under: by its content where that is known, so that any model's pull finds them.
enum PartsKey {
    static func of(_ file: SnapshotFile, in snapshot: Snapshot) -> Digest {
        if let sha256 = file.sha256 { return sha256 }
        let text = "\(snapshot.repository)\n\(snapshot.commit)\n\(file.path.string)\n\(file.blob?.hex ?? "")"
        let bytes = Array(text.utf8)
        return SHA256.digest(of: bytes.span)
    }
}
