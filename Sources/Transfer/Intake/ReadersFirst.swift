internal import Platform
internal import Synchronization

/// While clients wait for files, the processor hashes and sends those. Units that are whole meanwhile wait in their
/// parts, and become layers when no client waits for a file's hash any more. When too many bytes wait, the oldest
/// units go on.
public final class ReadersFirst: Sendable {
    private struct Held {
        let bytes: UInt64
        let start: @Sendable () -> Void
    }

    private struct State {
        /// Files that clients wait for.
        var files = 0
        var held = Queue<Held>()
        var bytes: UInt64 = 0

        mutating func takeOldest() -> Held? {
            let held = held.popFirst()
            bytes -= held?.bytes ?? 0
            return held
        }
    }

    private let limit: UInt64
    private let state = Mutex(State())

    public init(holding limit: UInt64 = 4 << 30) { self.limit = limit }

    func begin() { state.withLock { $0.files += 1 } }

    /// The hash of a file is known, or will never be.
    func end() {
        let held = state.withLock { state -> [Held] in
            state.files -= 1
            var held: [Held] = []
            while state.files == 0, let next = state.takeOldest() { held.append(next) }
            return held
        }
        for unit in held { unit.start() }
    }

    func hold(_ bytes: UInt64, _ start: @escaping @Sendable () -> Void) {
        let held = state.withLock { state -> [Held] in
            state.held.append(Held(bytes: bytes, start: start))
            state.bytes += bytes
            var held: [Held] = []
            while state.files == 0 || state.bytes > limit, let next = state.takeOldest() { held.append(next) }
            return held
        }
        for unit in held { unit.start() }
    }

    var bytesHeld: UInt64 { state.withLock { $0.bytes } }
}

/// The units of a pull on their way to become layers: those of files that clients wait for stand back.
final class UnitsAfterReaders: Sendable {
    private struct State {
        var hashes: FileHashes?
        /// Whole before there was a hash.
        var early: [FinishedUnit] = []
        var waiting: Set<Int> = []
    }

    private let finished: FinishedUnits
    private let readers: ReadersFirst?
    private let state = Mutex(State())

    init(_ finished: FinishedUnits, _ readers: ReadersFirst?) { (self.finished, self.readers) = (finished, readers) }

    /// The callback for a file's units.
    func of(file: Int, _ wanted: WantedFile, _ units: [Plan.Unit]) -> @Sendable (Int) -> Void {
        let go = finished.of(file: file)
        guard let readers, wanted.reading != nil else { return go }
        if state.withLock({ $0.waiting.insert(file).inserted }) { readers.begin() }
        return { [self] unit in
            let hashes = state.withLock { state in
                if state.hashes == nil { state.early.append(FinishedUnit(file: file, unit: unit)) }
                return state.hashes
            }
            hashes?.arrived(unit, of: file)
            readers.hold(units[unit].run.count) { go(unit) }
        }
    }

    /// The hashes are made of units that wait here too.
    func tell(_ hashes: FileHashes) {
        let early = state.withLock { state in
            state.hashes = hashes
            defer { state.early = [] }
            return state.early
        }
        for one in early { hashes.arrived(one.unit, of: one.file) }
    }

    /// No client waits for the hash of this file any more.
    func end(_ file: Int) {
        if state.withLock({ $0.waiting.remove(file) }) != nil { readers?.end() }
    }

    func endAll() {
        for file in state.withLock({ $0.waiting }) { end(file) }
    }
}
