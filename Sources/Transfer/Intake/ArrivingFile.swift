package import Model
internal import Platform
internal import Store
internal import Synchronization

/// A file that is being brought, for those who read it while it comes. Whoever reads to its end gets the last bytes only
/// when all of it hashed to what was published; whoever was given some of a file that turned out wrong gets no more.
public final class ArrivingFile: Sendable {
    enum Stage {
        /// Nothing is known of where its bytes lie.
        case asked
        case coming(PullFile)
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

    public let size: UInt64
    private let state = Mutex(State())

    public init(size: UInt64) { self.size = size }

    /// What becomes of a file while it is brought.
    package enum Event: Sendable {
        /// Its bytes will lie there.
        case begun(PullFile)
        case arrived(Range<UInt64>)
        /// These of its layers are here, each of them checked.
        case layers(ArrivingLayers)
        /// It hashes to what was published.
        case right
        /// What came of it so far is worth nothing.
        case wrong
        case stored(Manifest.File, manifest: Digest)
        case failed(any Error)
        /// Another try: what the last one had hold of is let go.
        case askedAgain
    }

    /// To be told by what brings it.
    package func hears(_ event: Event) {
        switch event {
        case .arrived(let bytes): wake { bytes.contains($0) }
        case .begun(let file): change { $0.stage = .coming(file) }
        case .layers(let layers): change { ($0.stage, $0.isRight) = (.comingInLayers(layers), true) }
        case .right: change { $0.isRight = true }
        case .wrong: change { ($0.stage, $0.isRight, $0.round) = (.asked, false, $0.round + 1) }
        case .stored(let file, let manifest): change { $0.stage = .here(file, manifest: manifest) }
        case .failed(let error): change { $0.stage = .failed(error) }
        case .askedAgain: change { $0.stage = .asked }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let isOver = state.withLock { state in
            // What has it from the store needs nothing else.
            if case .here = state.stage { return true }
            body(&state)
            return false
        }
        if !isOver { wake { _ in true } }
    }

    /// Those that wait for such a position look again.
    private func wake(_ isMeant: (UInt64) -> Bool) {
        let woken = state.withLock { state in
            let woken = state.waiting.filter { isMeant($0.position) }
            state.waiting.removeAll { isMeant($0.position) }
            return woken
        }
        for (_, then) in woken { then() }
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
    package enum Availability {
        case nothing
        /// Bytes from there on, as they came.
        case plain(FetchingFile.LocalBytes, Range<UInt64>)
        /// Bytes from there on, in a layer that stands in for them.
        case layer(Layer, Range<UInt64>)
        case here(Manifest.File, manifest: Digest)
        case failed(any Error)
    }

    package func look(at position: UInt64, holdingBack: Bool) -> (availability: Availability, round: Int, isRight: Bool)
    {
        state.withLock { state in (availability(at: position, state, holdingBack), state.round, state.isRight) }
    }

    private func availability(at position: UInt64, _ state: State, _ holdsBack: Bool) -> Availability {
        switch state.stage {
        case .asked: return .nothing
        case .here(let file, let manifest): return .here(file, manifest: manifest)
        case .failed(let error): return .failed(error)
        case .comingInLayers(let layers):
            return layers.layer(at: position).map { .layer($0.layer, $0.range) } ?? .nothing
        case .coming(let file):
            let end = state.isRight || !holdsBack ? size : HeldTail.start(in: size)
            guard position < end else { return .nothing }
            if let unit = file.unit(at: position), let layer = unit.layer {
                return .layer(layer, unit.run.bytes.clamped(to: 0..<end))
            }
            guard let place = file.fetching.place(of: position) else { return .nothing }
            return .plain(place, position..<min(end, place.range.upperBound))
        }
    }

    /// Calls back, once, when there is something at that position, or never will be: at once, or from a thread of whoever
    /// brings it.
    package func wait(for position: UInt64, holdingBack: Bool, _ then: @escaping @Sendable () -> Void) {
        let isThere = state.withLock { state in
            guard case .nothing = availability(at: position, state, holdingBack) else { return true }
            state.waiting.append((position, then))
            state.wishes.append(position)
            return false
        }
        if isThere { then() }
    }

    /// How often it turned out wrong.
    public var timesWrong: Int { state.withLock { $0.round } }
}
