package import Model
internal import Platform
internal import Store
internal import Synchronization

/// A file that is downloaded as far as it is read. Readers look what is here at a place, and wait for what is not.
package final class LazyFile: Sendable {
    /// What is at a place of the file, at this moment.
    package enum Spot: Sendable {
        case missing
        /// Bytes from there on, as they came.
        case plain(FetchingFile.LocalBytes, Range<UInt64>)
        /// A layer of the store, and its place in the file.
        case layer(Layer, Range<UInt64>)
    }

    enum Bytes: Sendable {
        case nowhere
        case coming(PullFile)
        case layers(ArrivingLayers)
    }

    private struct Waiting {
        let position: UInt64
        let then: @Sendable (CakeError?) -> Void
    }

    private struct State {
        var bytes = Bytes.nowhere
        /// Whether all of it matches its published hash.
        var isRight = false
        var round = 0
        var waiting: [Waiting] = []
    }

    package let size: UInt64
    private let source: any LazySource
    private let shared: LazyFiles
    private let state = Mutex(State())
    private let unchecked = Atomic<UInt64>(0)

    init(size: UInt64, from source: any LazySource, among shared: LazyFiles) {
        (self.size, self.source, self.shared) = (size, source, shared)
    }

    /// A file of one piece is given only when it is checked: the wait is short.
    private var isGivenWhole: Bool { size <= UInt64(LayerReader.pieceSize) }

    package func look(at position: UInt64) -> Spot { state.withLock { spot(at: position, $0) } }

    private func spot(at position: UInt64, _ state: State) -> Spot {
        switch state.bytes {
        case .nowhere: return .missing
        case .layers(let layers): return layers.layer(at: position).map { .layer($0.layer, $0.range) } ?? .missing
        case .coming(let file):
            if let unit = file.unit(at: position), let layer = unit.layer { return .layer(layer, unit.run.bytes) }
            guard state.isRight || !isGivenWhole, let place = file.fetching.place(of: position) else { return .missing }
            return .plain(place, position..<min(size, place.range.upperBound))
        }
    }

    /// How often its bytes were found wrong. A reader that got some of an earlier round gets no more.
    package var round: Int { state.withLock { $0.round } }

    /// Whether readers wait until all of it is here, however long that takes.
    package var waitsForAll: Bool { source.bringsAll }

    /// Whether bytes at a place may still be found wrong.
    package var isUnchecked: Bool {
        state.withLock { state in if case .layers = state.bytes { false } else { !state.isRight } }
    }

    /// Calls back once, when there is something at the beginning of the range, or with what went wrong: at once, or on
    /// a thread of the download. Brings the range before what nobody waits for.
    package func wait(for range: Range<UInt64>, _ then: @escaping @Sendable (CakeError?) -> Void) {
        let isThere = state.withLock { state in
            guard case .missing = spot(at: range.lowerBound, state) else { return true }
            state.waiting.append(Waiting(position: range.lowerBound, then: then))
            return false
        }
        if isThere { return then(nil) }
        guard !shared.isStopped else { return failed(LazyFiles.ending) }
        source.want(range, isUrgent: true, of: self)
    }

    /// A reader waited too long for a byte: its source asks for it again.
    package func isLate(at position: UInt64) { source.isLate(at: position) }

    /// Bytes that should be here cannot be read: their source looks again which are left.
    package func isLost() { source.isLost(self) }

    /// The range will be read soon, by a reader that has read so many bytes in order before it. It may be one that wants
    /// this tensor alone: of the next one no more is brought than a small part of what was read, until the reader, and
    /// not the kernel before it, is there.
    package func expect(_ range: Range<UInt64>, afterReading run: UInt64) {
        guard range.lowerBound > 0, range.lowerBound < size else { return }
        let tensor = state.withLock { self.tensor(at: range.lowerBound - 1, $0) }
        let read = range.lowerBound - tensor.lowerBound
        let isEntering = run > read && read < LazyFile.entrance
        let last = (isEntering ? range.lowerBound : tensor.upperBound) + run / LazyFile.beyond
        let end = min(range.upperBound, size, last)
        if range.lowerBound < end { source.want(range.lowerBound..<end, isUrgent: false, of: self) }
    }

    private static let beyond: UInt64 = 100
    private static let entrance: UInt64 = 512 << 10

    private func tensor(at position: UInt64, _ state: State) -> Range<UInt64> {
        switch state.bytes {
        case .nowhere: 0..<size
        case .coming(let file): file.segmentation.tensor(at: position)
        case .layers(let layers): layers.tensor(at: position)
        }
    }

    /// A reader got bytes that no hash has proved yet.
    package func gave(unchecked count: Int) {
        let before = unchecked.add(UInt64(count), ordering: .relaxed).oldValue
        shared.gave(unchecked: UInt64(count), isFirst: before == 0, of: source)
    }

    // Called by the download.

    /// Its bytes are somewhere else now.
    func has(_ bytes: Bytes, isRight: Bool = false) {
        state.withLock { ($0.bytes, $0.isRight) = (bytes, isRight) }
        wakeReady()
    }

    /// Its parts were let go, unless it was opened again meanwhile.
    func left(_ file: PullFile) {
        state.withLock { state in
            if case .coming(let now) = state.bytes, now === file { (state.bytes, state.isRight) = (.nowhere, false) }
        }
        // They ask again.
        wake { _ in true }
    }

    func arrived(_ bytes: Range<UInt64>) {
        guard !isGivenWhole else { return }
        wake { bytes.contains($0.position) }
    }

    func isRight(_ file: PullFile) {
        state.withLock { state in
            if case .coming(let now) = state.bytes, now === file { state.isRight = true }
        }
        wakeReady()
    }

    /// All that was given of it so far was wrong.
    func wasWrong(_ error: CakeError) {
        state.withLock { state in
            (state.bytes, state.isRight) = (.nowhere, false)
            state.round += 1
        }
        failed(error)
        shared.wasWrong(self)
    }

    /// Nothing that is waited for now will come.
    func failed(_ error: CakeError) {
        let woken = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for reader in woken { reader.then(error) }
    }

    private func wakeReady() {
        let woken = state.withLock { state in
            let (ready, rest) = state.waiting.reduce(into: ([Waiting](), [Waiting]())) { sorted, reader in
                if case .missing = spot(at: reader.position, state) {
                    sorted.1.append(reader)
                } else {
                    sorted.0.append(reader)
                }
            }
            state.waiting = rest
            return ready
        }
        for reader in woken { reader.then(nil) }
    }

    private func wake(_ isMeant: (Waiting) -> Bool) {
        let woken = state.withLock { state in
            let woken = state.waiting.filter(isMeant)
            if !woken.isEmpty { state.waiting.removeAll(where: isMeant) }
            return woken
        }
        for reader in woken { reader.then(nil) }
    }
}

/// Brings the bytes of lazily read files.
protocol LazySource: Sendable {
    /// The model it belongs to, for messages.
    var model: ModelName { get }
    /// Whether it brings whole files, and gives nothing before.
    var bringsAll: Bool { get }
    /// Returns at once. Ranges that are here, or on their way, cost nothing.
    func want(_ range: Range<UInt64>, isUrgent: Bool, of file: LazyFile)
    /// What should bring this byte does not: it is asked for anew.
    func isLate(at position: UInt64)
    /// Bytes of the file that came cannot be read any more.
    func isLost(_ file: LazyFile)
}

extension LazySource {
    func isLate(at position: UInt64) {}
    func isLost(_ file: LazyFile) {}
}
