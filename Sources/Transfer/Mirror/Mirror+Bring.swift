public import Model
internal import Platform
internal import Store
internal import Synchronization

/// The files that are being brought. Each has one transfer, which goes on when those who asked for it have left.
final class Transfers: Sendable {
    struct Key: Hashable {
        let repository: HubRepository
        let commit: String
        let path: FilePath
    }

    private struct State {
        var files: [Key: ArrivingFile] = [:]
        var tasks: [Key: Task<Void, Never>] = [:]
        /// Files that were given out before they turned out wrong.
        var doubted: [Key: ContinuousClock.Instant] = [:]
        var free = Transfers.atOnce
        var queue: [CheckedContinuation<Void, Never>] = []
        var isStopped = false
    }

    static let atOnce = 24
    private static let doubt = Duration.seconds(600)

    private let state = Mutex(State())

    /// The file on its way; `start` is for who is the first to ask for it.
    func join(_ key: Key, size: UInt64, _ start: (ArrivingFile) -> Task<Void, Never>) -> (ArrivingFile, isNew: Bool) {
        state.withLock { state in
            if let file = state.files[key] { return (file, false) }
            let file = ArrivingFile(size: size)
            guard !state.isStopped else {
                file.failed(Mirror.late)
                return (file, true)
            }
            state.files[key] = file
            state.tasks[key] = start(file)
            return (file, true)
        }
    }

    func end(_ key: Key) {
        state.withLock { state in
            let file = state.files.removeValue(forKey: key)
            state.tasks[key] = nil
            if let file, file.timesWrong > 0 { state.doubted[key] = .now + Transfers.doubt }
        }
    }

    func isDoubted(_ key: Key) -> Bool { state.withLock { ($0.doubted[key] ?? .now) > .now } }

    var repositories: Set<HubRepository> { state.withLock { Set($0.files.keys.map(\.repository)) } }

    /// Not all at once: each has connections and files open.
    func takeTurn() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free == 0 else {
                    state.free -= 1
                    return true
                }
                state.queue.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func endTurn() {
        let next = state.withLock { state in
            guard !state.queue.isEmpty else {
                state.free += 1
                return nil as CheckedContinuation<Void, Never>?
            }
            return state.queue.removeFirst()
        }
        next?.resume()
    }

    /// Returns when all that is under way now has ended.
    func settle() async { for task in state.withLock({ Array($0.tasks.values) }) { await task.value } }

    func stop() async {
        state.withLock { state in
            state.isStopped = true
            for task in state.tasks.values { task.cancel() }
        }
        await settle()
    }
}

extension Mirror {
    /// Where a file's bytes are.
    public enum Found: Sendable {
        /// In the store, in the model of this manifest.
        case here(Manifest.File, manifest: Digest)
        case arriving(ArrivingFile)
    }

    /// From the store, else on its way; the first who asks has it brought.
    public func file(_ file: SnapshotFile, of listing: HubListing, for asker: Asker) throws -> Found {
        let name = try name(for: listing)
        used(name.name)
        if let model = try models.model(called: name.name), let found = try stored(file, of: listing, in: model) {
            return .here(found, manifest: model.record.manifest)
        }
        guard !settings.isOffline else { throw HubRefusal.upstream(503, "This server is offline", retryAfter: 600) }
        let key = Transfers.Key(repository: listing.repository, commit: listing.commit, path: file.path)
        let (arriving, isNew) = transfers.join(key, size: file.size) { arriving in
            // Nobody's who asks: it goes on without them.
            Task(executorPreference: store.pool) {
                await self.bring(file, of: listing, as: name, from: self.source(for: asker, listing), arriving, key)
            }
        }
        (isNew ? counts.transfers : counts.joined).add(1)
        return .arriving(arriving)
    }

    /// Whether some of it was given to clients that cannot know by now that it was wrong: what they have is not gone on
    /// with.
    public func isDoubted(_ file: SnapshotFile, of listing: HubListing) -> Bool {
        transfers.isDoubted(.init(repository: listing.repository, commit: listing.commit, path: file.path))
    }

    /// Ends what is under way. What came of it stays, and is gone on with when somebody asks again.
    public func stop() async { await transfers.stop() }

    package func settle() async { await transfers.settle() }

    private struct Named {
        let name: ModelName
        let revision: String
    }

    /// A commit is kept under the branch that leads to it, as a pull would; under its own name when none does.
    private func name(for listing: HubListing) throws(CakeError) -> Named {
        let repository = listing.repository
        let prefix = repository.kind == .model ? "" : repository.kind.plural + "/"
        let plain = try ModelName(prefix + repository.id)
        func named(_ revision: String) throws(CakeError) -> Named {
            let name = revision == Revision.main ? plain : try ModelName(plain.string + "@" + revision)
            return Named(name: name, revision: revision)
        }
        if let word = revision(leadingTo: listing.commit, of: repository) { return try named(word) }
        if try store.record(of: plain)?.commit == listing.commit { return try named(Revision.main) }
        return try named(listing.revision)
    }

    private func stored(
        _ file: SnapshotFile, of listing: HubListing, in model: HubModels.Model
    ) throws -> Manifest.File? {
        guard model.record.commit == listing.commit, !model.record.isPartial,
            let found = try models.file(at: file.path.string, of: model), found.file.size == file.size,
            file.content.map({ $0 == found.content }) ?? true
        else { return nil }
        return found.file
    }

    private func bring(
        _ file: SnapshotFile, of listing: HubListing, as named: Named, from source: HubSource, _ arriving: ArrivingFile,
        _ key: Transfers.Key
    ) async {
        await transfers.takeTurn()
        defer { transfers.endTurn() }
        var stored: UInt64 = 0
        do {
            var options = Pull.Options()
            options.mostConnections = Mirror.mostConnections
            // Samples that are equal may be of bytes that are not: clients would have them before it is known.
            options.probing = nil
            options.reading = [file.path: arriving]
            options.mark = listing.isClosed ? .mirroredClosed : .mirrored
            let snapshot = listing.snapshot.called(named.revision)
            let pull = Pull(from: source, into: store, progress: Progress("mirroring"), options: options)
            let report = try await pull(snapshot, [file], as: named.name) { _ in }
            counts.fetched.add(report.bytesFetched)
            stored = report.bytesStored
        } catch {
            arriving.failed(error)
        }
        if arriving.timesWrong > 0 { counts.wrong.add(1) }
        transfers.end(key)
        if stored > 0 { makeRoom(for: stored) }
    }

    private static let mostConnections = 8
}
