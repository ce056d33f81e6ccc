internal import Model
internal import Platform
internal import Remote
internal import Storage
internal import Store
internal import Synchronization

/// Files that another server downloads: their bytes come through the storage while they arrive there, and from the published
/// model afterwards. When that server was killed, they come from the upstream, from the next byte on.
final class Relay: NearServers {
    enum Stage {
        case waiting
        /// In the storage.
        case there(HubModels.Model)
        /// This server downloads them.
        case own
    }

    private struct State {
        var stage = Stage.waiting
        /// First bytes of the parts that are there.
        var parts: [FilePath: [UInt64]] = [:]
        /// Files that readers wait for.
        var wanted: Set<FilePath> = []
    }

    let sources: [HubSource] = []
    let name: String
    private let models: HubModels
    private let hears: @Sendable (UInt64) -> Void
    private let state = Mutex(State())
    private let waiters = Waiters<Int, Void>()
    private let received = Atomic<UInt64>(0)

    init(_ name: String, from models: HubModels, hears: @escaping @Sendable (UInt64) -> Void) {
        (self.name, self.models, self.hears) = (name, models, hears)
    }

    var bytes: UInt64 { received.load(ordering: .relaxed) }

    func open(_ range: Range<UInt64>, of file: SnapshotFile, copies: [HubFile]) async throws -> OpenedRun? {
        if case .own = stage { return nil }
        let run = Run(range, of: file, self)
        return OpenedRun { try await run.next() }
    }

    var stage: Stage { state.withLock { $0.stage } }

    /// Called by the one that follows the other server.
    func become(_ stage: Stage) { waiters.tellAll(.success(())) { state.withLock { $0.stage = stage } } }

    /// The same: looks for new parts of the files that readers wait for.
    func look() throws(CakeError) {
        for path in state.withLock({ $0.wanted }) {
            let parts = try models.registry.relayed(path, of: name)
            state.withLock { $0.parts[path] = parts }
        }
        waiters.tellAll(.success(())) { state.withLock { $0.wanted = [] } }
    }

    /// Returns when the other server is not waited for any more.
    func settled() async throws {
        while case .waiting = stage { try await wait(unless: { if case .waiting = $0.stage { false } else { true } }) }
    }

    private func wait(for path: FilePath? = nil, unless isOver: (State) -> Bool) async throws {
        try await waiters.wait(for: 0) {
            state.withLock { state in
                if isOver(state) { return .success(()) }
                if let path { state.wanted.insert(path) }
                return nil
            }
        }
    }

    /// Its download ended here: the rest is asked for elsewhere.
    private static var over: TransientFailure {
        var failure = TransientFailure(CakeError(.network, "the other server does not download it any more"))
        failure.isElsewhere = true
        return failure
    }

    /// A run of a file, for one reader.
    private final class Run: Sendable {
        private struct State {
            var position: UInt64
            /// The part that is read.
            var part: (start: UInt64, body: StorageBody)?
            var rebuilt: (start: UInt64, bytes: RebuiltBytes)?
        }

        private let file: SnapshotFile
        private let end: UInt64
        private let relay: Relay
        private let state: Mutex<State>

        private static let step: UInt64 = 4 << 20

        init(_ range: Range<UInt64>, of file: SnapshotFile, _ relay: Relay) {
            (self.file, self.relay, end) = (file, relay, range.upperBound)
            state = Mutex(State(position: range.lowerBound))
        }

        func next() async throws -> Chunk? {
            while true {
                let position = state.withLock { $0.position }
                guard position < end else { return nil }
                let limit = min(end, position + Run.step)
                guard let bytes = try await bytes(position..<limit), !bytes.isEmpty else { continue }
                state.withLock { $0.position = position + UInt64(bytes.count) }
                relay.received.add(UInt64(bytes.count), ordering: .relaxed)
                relay.hears(UInt64(bytes.count))
                return Chunk(copying: bytes.span)
            }
        }

        /// Nil after something has changed.
        private func bytes(_ range: Range<UInt64>) async throws -> [UInt8]? {
            switch relay.stage {
            case .own: throw Relay.over
            case .there(let model): return try await published(range, in: model)
            case .waiting: break
            }
            if let (start, body) = state.withLock({ $0.part }), start <= range.lowerBound,
                range.lowerBound - start < body.size
            {
                let part = range.lowerBound - start..<min(range.upperBound - start, body.size)
                do {
                    return try await body.bytes(part)
                } catch {
                    // It was replaced or removed.
                    try Task.checkCancellation()
                    state.withLock { $0.part = nil }
                    try await wait()
                    return nil
                }
            }
            let known = relay.state.withLock { $0.parts[file.path]?.last { $0 <= range.lowerBound } }
            let last = state.withLock { $0.part?.start }
            if let known, known != last {
                let body = try? await relay.models.registry.relayedPart(at: known, of: file.path, relay.name)
                guard let body, body.size > range.lowerBound - known else {
                    try await wait()
                    return nil
                }
                state.withLock { $0.part = (known, body) }
                return nil
            }
            try await wait()
            return nil
        }

        /// Until there is another part, or the other server is not waited for.
        private func wait() async throws {
            let path = file.path
            let seen = relay.state.withLock { $0.parts[path] }
            try await relay.wait(for: path) { state in
                if case .waiting = state.stage { return state.parts[path] != seen }
                return true
            }
        }

        private func published(_ range: Range<UInt64>, in model: HubModels.Model) async throws -> [UInt8]? {
            let rebuilt: (start: UInt64, bytes: RebuiltBytes)
            if let known = state.withLock({ $0.rebuilt }) {
                rebuilt = known
            } else {
                let found = try relay.models.manifest(of: model).file(at: file.path.string)
                guard let found, found.size == file.size else { throw Relay.over }
                rebuilt = (range.lowerBound, try relay.models.bytes(range.lowerBound..<end, of: found, in: model))
                state.withLock { $0.rebuilt = rebuilt }
            }
            let bytes = try await rebuilt.bytes.next(from: range.lowerBound - rebuilt.start, atMost: range.count)
            // It is damaged there.
            guard let bytes else {
                relay.become(.own)
                throw Relay.over
            }
            return bytes
        }
    }
}
