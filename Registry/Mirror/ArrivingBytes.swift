internal import Model
internal import Platform
public import Storage
internal import Store
internal import Synchronization
public import Transfer

/// A range of an arriving file, for one reader.
public final class ArrivingBytes: ComingBytes {
    private struct State {
        /// The try that its bytes came from.
        var round: Int?
        var layer: (range: Range<UInt64>, bytes: RebuiltBytes)?
        var rest: RebuiltBytes?
        /// Kept open from one take to the next.
        var file: File?
    }

    private let file: ArrivingFile
    private let range: Range<UInt64>
    /// Whether its end waits until the whole file is verified.
    private let holdsBack: Bool
    private let models: HubModels
    private let onUnchecked: @Sendable (UInt64) -> Void
    private let state = Mutex(State())

    /// `onUnchecked` gets the number of bytes that were sent before the file was verified.
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
        let (availability, round, isRight) = file.look(at: place, holdingBack: holdsBack)
        let isSame = state.withLock { state in
            if case .plain = availability {} else { state.file = nil }
            return state.round == nil || state.round == round
        }
        guard isSame else { return nil }
        let taken: Int?
        switch availability {
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
            if taken == nil, case .here = self.file.look(at: place, holdingBack: holdsBack).availability { return 0 }
        }
        if let taken, taken > 0 {
            state.withLock { $0.round = round }
            if !isRight { if case .here = availability {} else { onUnchecked(UInt64(taken)) } }
        }
        return taken
    }

    private func read(
        _ range: Range<UInt64>, in place: FetchingFile.LocalBytes, into room: inout MutableSpan<UInt8>
    ) -> Int? {
        guard let file = try? place.opened() else { return nil }
        state.withLock { $0.file = file }
        var part = room._mutatingExtracting(..<range.count)
        let got = try? file.read(into: &part, at: range.lowerBound - place.range.lowerBound)
        return got.flatMap { $0 > 0 ? $0 : nil }
    }

    public func wait(for position: UInt64, _ then: @escaping @Sendable () -> Void) {
        let place = range.lowerBound + position
        switch file.look(at: place, holdingBack: holdsBack).availability {
        case .here(let file, let manifest):
            guard let rest = rest(of: file, manifest) else { return then() }
            rest.wait(for: position, then)
        case .layer(let layer, let run):
            let (bytes, start) = rebuilt(layer, run)
            bytes.wait(for: place - start, then)
        case .nothing, .plain, .failed: file.wait(for: place, holdingBack: holdsBack, then)
        }
    }

    /// From the store, where it stays while it is read; nil if it is not there.
    private func rest(of file: Manifest.File, _ manifest: Digest) -> RebuiltBytes? {
        state.withLock { state in
            if state.rest == nil { state.rest = try? models.bytes(range, of: file, once: manifest) }
            return state.rest
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
    /// Returns when the first bytes are there; throws if they never will be, or if it takes too long.
    public func begin(within limit: Duration) async throws {
        try await within(limit, orElse: Mirror.late) { try await self.begin() }
    }

    private func begin() async throws {
        while true {
            switch file.look(at: range.lowerBound, holdingBack: holdsBack).availability {
            case .nothing: break
            case .failed(let error): throw ArrivingBytes.refusal(error)
            case .plain, .layer, .here: return
            }
            try Task.checkCancellation()
            await ready(at: 0)
        }
    }

    private static func refusal(_ error: any Error) -> HubRefusal {
        switch error {
        case let refusal as HubRefusal: refusal
        case let error as CakeError where error.kind == .network:
            .upstream(502, "The upstream Hub closed the connection", retryAfter: 10)
        case let error as CakeError where error.kind == .damaged:
            .upstream(502, "The upstream Hub sent another file than it listed", retryAfter: 60)
        case let error as CakeError where error.kind == .diskFull:
            HubRefusal(507, nil, "The server's disk is full")
        case is CancellationError: .upstream(503, "The server is ending", retryAfter: 10)
        default: .failed
        }
    }
}
