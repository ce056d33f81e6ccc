internal import Model
internal import Platform
internal import Store
internal import Synchronization
internal import Transfer

/// Reads of files that are downloaded meanwhile.
extension FileRead {
    /// False if the read goes on when the bytes are here, or has ended.
    func take(_ lazy: LazyFile, from place: UInt64) -> Bool {
        guard lazy.round == file.round else {
            fail(
                CakeError(
                    .damaged, "the bytes that were given of it before are wrong",
                    fix: "close the file, and open it again"), isLazy: true)
            return false
        }
        switch lazy.look(at: place) {
        case .missing:
            wait(for: lazy, at: place)
            return false
        case .layer(let layer, let range):
            let (piece, offset) = (place - range.lowerBound).quotientAndRemainder(
                dividingBy: UInt64(LayerReader.pieceSize))
            return take(PieceReader.Piece(layer: layer, index: Int(piece)), from: Int(offset))
        case .plain(let source, let range):
            let isUnchecked = lazy.isUnchecked
            do throws(CakeError) {
                let taken = try append(source, place..<range.upperBound)
                if isUnchecked { lazy.gave(unchecked: taken) }
                return true
            } catch {
                // A pull may have made layers of it at this moment.
                if case .plain(let now, _) = lazy.look(at: place), now.isSame(as: source) {
                    lazy.isLost()
                    fail(error, isLazy: true)
                    return false
                }
                return true
            }
        }
    }

    private func append(_ source: FetchingFile.LocalBytes, _ range: Range<UInt64>) throws(CakeError) -> Int {
        let taken = try answer.append(
            source.opened(), at: range.lowerBound - source.range.lowerBound, atMost: Int(clamping: range.length))
        guard taken > 0 else {
            throw CakeError(
                .damaged, "bytes that were downloaded of it are gone from the store",
                fix: "close the file and open it again: they are downloaded once more")
        }
        return taken
    }

    private func wait(for lazy: LazyFile, at place: UInt64) {
        waits()
        let left = file.files.patience - (.now - began)
        let turn = LazyTurn { error in
            if let error { self.fail(error, isLazy: true) } else { self.run() }
        }
        if !lazy.waitsForAll { turn.end(after: left, file.files.patience) { lazy.isLate(at: place) } }
        lazy.wait(for: place..<place + UInt64(answer.size - answer.count)) { turn.end($0) }
    }
}

/// One wait of a read: for the bytes, for an error, or for its time to be over, whichever is first.
private final class LazyTurn: Sendable {
    private struct State {
        var then: (@Sendable (CakeError?) -> Void)?
        var timer: Task<Void, Never>?
    }

    private let state: Mutex<State>

    init(_ then: @escaping @Sendable (CakeError?) -> Void) { state = Mutex(State(then: then)) }

    func end(_ error: CakeError?) {
        let (then, timer) = state.withLock { state in (state.then.take(), state.timer.take()) }
        timer?.cancel()
        then?(error)
    }

    func end(after left: Duration, _ patience: Duration, _ late: @escaping @Sendable () -> Void) {
        let timer = Task {
            do { try await Task.sleep(for: max(left, .zero)) } catch { return }
            self.end(
                CakeError(
                    .network, "its bytes did not come within \(Quantities.duration(patience))"))
            late()
        }
        let isOver = state.withLock { state in
            if state.then != nil { state.timer = timer }
            return state.then == nil
        }
        if isOver { timer.cancel() }
    }
}

extension FileParts {
    /// The file that is downloaded when it is read; nil for one of the store.
    var lazyFile: LazyFile? { if case .lazy(let file) = parts.first { file } else { nil } }

    /// The pieces of its layers that are here.
    static func pieces(
        of range: Range<UInt64>, in file: LazyFile, atMost count: Int
    ) -> [(piece: PieceReader.Piece, end: UInt64)] {
        var pieces: [(piece: PieceReader.Piece, end: UInt64)] = []
        var place = range.lowerBound
        let size = UInt64(LayerReader.pieceSize)
        while place < range.upperBound, pieces.count < count {
            switch file.look(at: place) {
            case .missing: place = (place / size + 1) * size
            case .plain(_, let bytes): place = max(place + 1, bytes.upperBound)
            case .layer(let layer, let bytes):
                let piece = (place - bytes.lowerBound) / size
                place = min(bytes.upperBound, bytes.lowerBound + (piece + 1) * size)
                pieces.append((PieceReader.Piece(layer: layer, index: Int(piece)), place))
            }
        }
        return pieces
    }
}
