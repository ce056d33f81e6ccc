package import Model
internal import Platform
internal import Store
internal import Synchronization

/// A file that is being downloaded, for clients that read it meanwhile. A client that reads to its end gets the last
/// bytes only when the whole file matches its published hash. A client that got some of a wrong file gets no more of
/// it.
public final class ArrivingFile: Sendable {
    enum Stage {
        /// The place of its bytes is not known yet.
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
        /// How often it was wrong.
        var round = 0
        var isRight = false
        var waiting: [(position: UInt64, then: @Sendable () -> Void)] = []
        /// Positions that clients wait for and that the download has not been told yet.
        var wishes: [UInt64] = []
    }

    public let size: UInt64
    private let state = Mutex(State())

    public init(size: UInt64) { self.size = size }

    /// Events of a file during its download.
    package enum Event: Sendable {
        /// Its bytes will be there.
        case begun(PullFile)
        case arrived(Range<UInt64>)
        /// These of its layers are here, each of them checked.
        case layers(ArrivingLayers)
        /// It matches its published hash.
        case right
        /// Its bytes so far are wrong.
        case wrong
        case stored(Manifest.File, manifest: Digest)
        case failed(any Error)
        /// Another try: the old one's resources are released.
        case askedAgain
    }

    /// Called by the download.
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
            // A file in the store needs nothing else.
            if case .here = state.stage { return true }
            body(&state)
            return false
        }
        if !isOver { wake { _ in true } }
    }

    /// Clients that wait for such a position check again.
    private func wake(_ isMeant: (UInt64) -> Bool) {
        let woken = state.withLock { state in
            let woken = state.waiting.filter { isMeant($0.position) }
            state.waiting.removeAll { isMeant($0.position) }
            return woken
        }
        for (_, then) in woken { then() }
    }

    /// Positions to download first, each given once.
    func takeWishes() -> [UInt64] {
        state.withLock { state in
            defer { state.wishes = [] }
            return state.wishes
        }
    }

    // Called by readers.

    /// The available bytes at a position, at this moment.
    package enum Availability {
        case nothing
        /// Bytes from there on, as they came.
        case plain(FetchingFile.LocalBytes, Range<UInt64>)
        /// Bytes from there on, in a layer of the store.
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

    /// Calls back once, when there are bytes at that position, or never will be: at once, or on a thread of the
    /// download.
    package func wait(for position: UInt64, holdingBack: Bool, _ then: @escaping @Sendable () -> Void) {
        let isThere = state.withLock { state in
            guard case .nothing = availability(at: position, state, holdingBack) else { return true }
            state.waiting.append((position, then))
            state.wishes.append(position)
            return false
        }
        if isThere { then() }
    }

    /// How often it was wrong.
    public var timesWrong: Int { state.withLock { $0.round } }
}
