internal import Model
internal import Platform
internal import Synchronization
internal import Transfer

/// Running downloads. Each file is in one transfer, which continues when its clients have left.
final class Transfers: Sendable {
    struct Key: Hashable {
        let repository: HubRepository
        let commit: String
        let path: FilePath

        init(_ file: SnapshotFile, _ listing: HubListing) {
            self.init(file.path, of: listing.repository, at: listing.commit)
        }

        init(_ path: FilePath, of repository: HubRepository, at commit: String) {
            (self.repository, self.commit, self.path) = (repository, commit, path)
        }
    }

    private struct Commit: Hashable {
        let repository: HubRepository
        let commit: String
    }

    /// A transfer: its files, the requested one first.
    struct Transfer: Sendable {
        let files: [File]
    }

    typealias File = (listed: SnapshotFile, key: Key, arriving: ArrivingFile)

    /// Who sends a transfer's files. Transfers from peers have turns of their own: two servers whose transfers all waited
    /// for each other's turns would wait for ever.
    enum Sender: Int { case upstream, peer }

    private struct State {
        var files: [Key: ArrivingFile] = [:]
        /// Those of them that a peer asked for.
        var asked: Set<Key> = []
        var free = [Transfers.atOnce, Transfers.atOnce]
        var isStopped = false
    }

    static let atOnce = 24
    static let small: UInt64 = 256 << 10
    private static let doubt = Duration.seconds(600)

    private let state = Mutex(State())
    /// How many transfers there were of small files of each commit.
    private let small = BoundedCache<Commit, Int>(room: 10_000)
    /// Files that were partly sent before they were found wrong.
    private let doubted = BoundedCache<Key, ContinuousClock.Instant>(room: 10_000)
    private let queue = Waiters<Int, Void>()
    private let tasks: BackgroundWork

    init(on pool: BlockingPool) { tasks = BackgroundWork("mirrored files", on: pool) }

    func file(_ key: Key) -> ArrivingFile? { state.withLock { $0.files[key] } }

    /// The running transfer of a file; `bring` runs for the first request, and continues when that one has ended. A client that requested small files of
    /// a commit will want more of them: each time twice as many `neighbours` are downloaded with them, because each
    /// transfer has a cost. A request for one of them moves it forward.
    func join(
        _ file: SnapshotFile, of listing: HubListing, neighbours: () throws -> [SnapshotFile],
        _ bring: @escaping @Sendable (Transfer) async -> Void
    ) rethrows -> (ArrivingFile, isNew: Bool) {
        func key(_ file: SnapshotFile) -> Key { Key(file, listing) }
        let neighbours = file.size <= Transfers.small ? try neighbours() : []
        return state.withLock { state in
            if let known = state.files[key(file)] { return (known, false) }
            let arriving = ArrivingFile(size: file.size)
            guard !state.isStopped else {
                arriving.hears(.failed(Mirror.late))
                return (arriving, true)
            }
            var files = [(listed: file, key: key(file), arriving: arriving)]
            if file.size <= Transfers.small {
                let commit = Commit(repository: listing.repository, commit: listing.commit)
                let before = small[commit] ?? 0
                small[commit] = before + 1
                let free = neighbours.filter { state.files[key($0)] == nil }
                let more = free.prefix((1 << min(before, 8)) - 1)
                files += more.map { ($0, key($0), ArrivingFile(size: $0.size)) }
            }
            for (_, key, arriving) in files { state.files[key] = arriving }
            let transfer = Transfer(files: files)
            tasks.start { await bring(transfer) }
            return (arriving, true)
        }
    }

    func end(_ transfer: Transfer) {
        state.withLock { state in
            for (_, key, arriving) in transfer.files {
                state.files[key] = nil
                state.asked.remove(key)
                if arriving.timesWrong > 0 { doubted[key] = .now + Transfers.doubt }
            }
        }
    }

    func isDoubted(_ key: Key) -> Bool { (doubted[key] ?? .now) > .now }

    var repositories: Set<HubRepository> { state.withLock { Set($0.files.keys.map(\.repository)) } }

    /// Not all at once: each has connections and files open. Turns are in the order of the requests.
    func takeTurn(_ sender: Sender) async throws {
        try await queue.wait(for: sender.rawValue) {
            state.withLock { state in
                guard state.free[sender.rawValue] > 0 else { return nil }
                state.free[sender.rawValue] -= 1
                return .success(())
            }
        }
    }

    func endTurn(_ sender: Sender) {
        queue.tellFirst(sender.rawValue, .success(())) { state.withLock { $0.free[sender.rawValue] += 1 } }
    }

    /// A peer asks for the file while `found` looks for it: it must come from the upstream, not from a third server.
    func isAskedByPeer<Found>(_ key: Key, _ found: () throws -> Found) rethrows -> Found {
        state.withLock { _ = $0.asked.insert(key) }
        // Without a transfer there is nothing to remember.
        defer { state.withLock { state in if state.files[key] == nil { state.asked.remove(key) } } }
        return try found()
    }

    func mayAskPeers(for transfer: Transfer) -> Bool {
        state.withLock { state in !transfer.files.contains { state.asked.contains($0.key) } }
    }

    /// Returns when all that is under way now has ended.
    func settle() async { await tasks.settle() }

    func stop() async {
        state.withLock { $0.isStopped = true }
        await tasks.cancel()
    }
}
