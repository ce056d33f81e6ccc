internal import Model
internal import Platform
public import Store
internal import Synchronization

/// A file that is being brought, for those who read it while it comes. Whoever reads to its end gets the last bytes only
/// when all of it hashed to what was published; whoever was given some of a file that turned out wrong gets no more.
public final class ArrivingFile: Sendable {
    enum Stage {
        /// Nothing is known of where its bytes lie.
        case asked
        case coming(RemoteFile)
        /// Layer by layer, each of which was checked.
        case comingInLayers(ArrivingLayers)
        /// In layers, checked.
        case here(Manifest.File, manifest: Digest)
        case failed(any Error)
    }

    private struct State {
        var stage = Stage.asked
        /// How often it turned out wrong.
        var round = 0
        var isRight = false
        var waiting: [(position: UInt64, then: @Sendable () -> Void)] = []
        /// What somebody waits for, and nobody was told yet to fetch first.
        var wishes: [UInt64] = []
    }

    public static let heldBack: UInt64 = 64 << 10

    public let size: UInt64
    private let state = Mutex(State())

    public init(size: UInt64) { self.size = size }

    // Told by who brings it.

    /// Another try: what the last one had hold of is let go.
    func isAskedAgain() { change { $0.stage = .asked } }

    func comes(_ file: RemoteFile) { change { $0.stage = .coming(file) } }

    func comes(in layers: ArrivingLayers) {
        change { state in
            state.stage = .comingInLayers(layers)
            state.isRight = true
        }
    }

    func arrived(_ bytes: Range<UInt64>) {
        let woken = state.withLock { state in
            let woken = state.waiting.filter { bytes.contains($0.position) }
            state.waiting.removeAll { bytes.contains($0.position) }
            return woken
        }
        for (_, then) in woken { then() }
    }

    func isRight() { change { $0.isRight = true } }

    /// What came of it so far is worth nothing.
    func wasWrong() {
        change { state in
            state.stage = .asked
            state.isRight = false
            state.round += 1
        }
    }

    func isHere(_ file: Manifest.File, in manifest: Digest) { change { $0.stage = .here(file, manifest: manifest) } }

    func failed(_ error: any Error) { change { $0.stage = .failed(error) } }

    private func change(_ body: (inout State) -> Void) {
        let waiting = state.withLock { state in
            // Whoever has it from the store needs nothing else.
            if case .here = state.stage { return [(position: UInt64, then: @Sendable () -> Void)]() }
            body(&state)
            defer { state.waiting = [] }
            return state.waiting
        }
        for (_, then) in waiting { then() }
    }

    /// Positions to fetch first, each told once.
    func takeWishes() -> [UInt64] {
        state.withLock { state in
            defer { state.wishes = [] }
            return state.wishes
        }
    }

    // Asked by who reads it.

    /// What there is of it at a position, at this moment.
    enum Sight {
        case nothing
        /// Bytes from there on, as they came.
        case plain(RemoteFile.Place, Range<UInt64>)
        /// Bytes from there on, in a layer that stands in for them.
        case layer(Layer, Range<UInt64>)
        case here(Manifest.File, manifest: Digest)
        case failed(any Error)
    }

    func look(at position: UInt64, holdingBack: Bool) -> (sight: Sight, round: Int, isRight: Bool) {
        state.withLock { state in (sight(at: position, state, holdingBack), state.round, state.isRight) }
    }

    private func sight(at position: UInt64, _ state: State, _ holdsBack: Bool) -> Sight {
        switch state.stage {
        case .asked: return .nothing
        case .here(let file, let manifest): return .here(file, manifest: manifest)
        case .failed(let error): return .failed(error)
        case .comingInLayers(let layers):
            return layers.layer(at: position).map { .layer($0.layer, $0.range) } ?? .nothing
        case .coming(let file):
            let end = state.isRight || !holdsBack ? size : size - min(size, ArrivingFile.heldBack)
            guard position < end else { return .nothing }
            if let unit = file.unit(at: position), let layer = unit.layer {
                return .layer(layer, unit.run.bytes.clamped(to: 0..<end))
            }
            guard let place = file.place(of: position) else { return .nothing }
            return .plain(place, position..<min(end, place.range.upperBound))
        }
    }

    /// Calls back, once, when there is something at that position, or never will be: at once, or from a thread of whoever
    /// brings it.
    func wait(for position: UInt64, holdingBack: Bool, _ then: @escaping @Sendable () -> Void) {
        let isThere = state.withLock { state in
            guard case .nothing = sight(at: position, state, holdingBack) else { return true }
            state.waiting.append((position, then))
            state.wishes.append(position)
            return false
        }
        if isThere { then() }
    }

    /// How often it turned out wrong.
    public var timesWrong: Int { state.withLock { $0.round } }
}

/// A range of such a file, for one who reads it.
public final class ArrivingBytes: Sendable {
    private struct State {
        /// The try that its bytes came from.
        var round: Int?
        var layer: (range: Range<UInt64>, bytes: RebuiltBytes)?
        var rest: (bytes: RebuiltBytes, held: Operation)?
        /// Kept open from one take to the next.
        var file: File?
    }

    private let file: ArrivingFile
    private let range: Range<UInt64>
    /// Whether its end waits until all is known to be right.
    private let holdsBack: Bool
    private let models: HubModels
    private let onUnchecked: @Sendable (UInt64) -> Void
    private let state = Mutex(State())

    /// `onUnchecked` is told how many bytes were given before the file was known to be right.
    public init(
        _ range: Range<UInt64>, of file: ArrivingFile, from models: HubModels, holdingBack: Bool = true,
        onUnchecked: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) {
        self.range = range
        self.file = file
        holdsBack = holdingBack
        self.models = models
        self.onUnchecked = onUnchecked
    }

    public var count: UInt64 { range.upperBound - range.lowerBound }

    /// As `RebuiltBytes` has it: 0 when nothing is there yet, nil when nothing will be.
    public func take(into room: inout MutableSpan<UInt8>, from position: UInt64) -> Int? {
        let place = range.lowerBound + position
        let (sight, round, isRight) = file.look(at: place, holdingBack: holdsBack)
        let isSame = state.withLock { state in
            if case .plain = sight {} else { state.file = nil }
            return state.round == nil || state.round == round
        }
        guard isSame else { return nil }
        let taken: Int?
        switch sight {
        case .nothing: return 0
        case .failed: return nil
        case .here(let file, let manifest): taken = rest(of: file, manifest)?.take(into: &room, from: position)
        case .layer(let layer, let run):
            let end = min(run.upperBound, range.upperBound)
            let (bytes, start) = rebuilt(layer, run)
            var part = room._mutatingExtracting(..<Int(min(UInt64(room.count), end - place)))
            taken = bytes.take(into: &part, from: place - start)
        case .plain(let source, let run):
            let end = min(run.upperBound, range.upperBound, place + UInt64(room.count))
            taken = read(place..<end, in: source, into: &room)
            // It went into layers at this moment.
            if taken == nil, case .here = self.file.look(at: place, holdingBack: holdsBack).sight { return 0 }
        }
        if let taken, taken > 0 {
            state.withLock { $0.round = round }
            if !isRight { if case .here = sight {} else { onUnchecked(UInt64(taken)) } }
        }
        return taken
    }

    private func read(
        _ range: Range<UInt64>, in place: RemoteFile.Place, into room: inout MutableSpan<UInt8>
    ) -> Int? {
        guard let file = try? place.opened() else { return nil }
        state.withLock { $0.file = file }
        var part = room._mutatingExtracting(..<range.count)
        let got = try? file.read(into: &part, at: range.lowerBound - place.range.lowerBound)
        return got.flatMap { $0 > 0 ? $0 : nil }
    }

    public func wait(for position: UInt64, _ then: @escaping @Sendable () -> Void) {
        let place = range.lowerBound + position
        switch file.look(at: place, holdingBack: holdsBack).sight {
        case .here(let file, let manifest):
            guard let rest = rest(of: file, manifest) else { return then() }
            rest.wait(for: position, then)
        case .layer(let layer, let run):
            let (bytes, start) = rebuilt(layer, run)
            bytes.wait(for: place - start, then)
        case .nothing, .plain, .failed: file.wait(for: place, holdingBack: holdsBack, then)
        }
    }

    /// From the store, where it stays while it is read; nil when that cannot be had.
    private func rest(of file: Manifest.File, _ manifest: Digest) -> RebuiltBytes? {
        state.withLock { state in
            if let rest = state.rest { return rest.bytes }
            guard let held = try? models.hold(manifest) else { return nil }
            let bytes = RebuiltBytes(range, of: file, through: models.pieces)
            state.rest = (bytes, held)
            return bytes
        }
    }

    /// The layer's bytes, and where in the file they begin.
    private func rebuilt(_ layer: Layer, _ run: Range<UInt64>) -> (RebuiltBytes, UInt64) {
        state.withLock { state in
            if let known = state.layer, known.range.lowerBound == run.lowerBound {
                return (known.bytes, run.lowerBound)
            }
            let bytes = RebuiltBytes(layer, through: models.pieces)
            state.layer = (run, bytes)
            return (bytes, run.lowerBound)
        }
    }
}

extension ArrivingBytes {
    /// Returns when the first of the bytes are there; throws what it is that they never will be, or that it takes long.
    public func begin(within limit: Duration) async throws {
        let end = ContinuousClock.now + limit
        while true {
            switch file.look(at: range.lowerBound, holdingBack: holdsBack).sight {
            case .nothing: break
            case .failed(let error): throw ArrivingBytes.refusal(error)
            case .plain, .layer, .here: return
            }
            guard ContinuousClock.now < end else { throw Mirror.late }
            let turn = Turn()
            await withCheckedContinuation { continuation in
                turn.continuation.withLock { $0 = continuation }
                wait(for: 0) { turn.end() }
                Task(executorPreference: models.store.pool) {
                    try? await Task.sleep(until: end, clock: .continuous)
                    turn.end()
                }
            }
        }
    }

    /// Whichever comes first ends the wait.
    private final class Turn: Sendable {
        let continuation = Mutex<CheckedContinuation<Void, Never>?>(nil)

        func end() { continuation.withLock { $0.take() }?.resume() }
    }

    private static func refusal(_ error: any Error) -> HubRefusal {
        switch error {
        case let refusal as HubRefusal: refusal
        case let error as CakeError where error.kind == .network:
            .upstream(502, "The upstream Hub broke off", retryAfter: 10)
        case let error as CakeError where error.kind == .damaged:
            .upstream(502, "What the upstream Hub sends is not what it listed", retryAfter: 60)
        case let error as CakeError where error.kind == .diskFull:
            HubRefusal(507, nil, "The server's disk is full")
        case is CancellationError: .upstream(503, "The server is ending", retryAfter: 10)
        default: .failed
        }
    }
}
