internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// The digests of files whose bytes come in any order, while their units become layers.
///
/// A file is hashed from front to back, and two hashes at once take little longer than one. Therefore a task that reads
/// a unit for its layer takes the hash of a file along: over the unit's own bytes if they are the next of the file, or
/// over bytes that are here since earlier. What is left is hashed by a task of the file, when no unit waits to be read.
final class FileHashes: Sendable {
    struct Unit: Sendable {
        let bytes: Range<UInt64>
        /// Its bytes come from layers of the store. Only the task of the file reads those.
        var isStored = false
    }

    fileprivate struct Running {
        let units: [Unit]
        /// No other task takes this hash along.
        let isAlone: Bool
        /// The unit of the next byte.
        var next = 0
        var position: UInt64 = 0
        var isHere: [Bool]
        /// A task has the hash.
        var isHeld = false

        init(_ units: [Unit], isAlone: Bool) {
            (self.units, self.isAlone) = (units, isAlone)
            isHere = units.map(\.isStored)
            advance(to: units.first?.bytes.lowerBound ?? 0)
        }

        mutating func advance(to position: UInt64) {
            self.position = position
            while next < units.count, units[next].bytes.upperBound <= position { next += 1 }
        }

        /// Bytes that are here, up to so many.
        func ready(atMost limit: UInt64) -> Range<UInt64>? {
            guard !isHeld, next < units.count else { return nil }
            var end = position
            for unit in units.indices[next...] {
                guard isHere[unit], !units[unit].isStored, end - position < limit else { break }
                end = units[unit].bytes.upperBound
            }
            return end > position ? position..<min(end, position + limit) : nil
        }
    }

    fileprivate struct State {
        var files: [Running]
        /// Units that a task has begun to read for their layers.
        var begun = 0
    }

    private let state: Mutex<State>
    private let hashes: [Held]
    private let queue: FinishedUnits
    private let waiters = Waiters<Int, Void>()

    /// Not copied, and so in a place of its own.
    private final class Held: Sendable {
        let hash = Mutex(SHA256())
    }

    /// `queue` has the units that become layers.
    init(_ files: [(units: [Unit], isAlone: Bool)], from queue: FinishedUnits) {
        state = Mutex(State(files: files.map { Running($0.units, isAlone: $0.isAlone) }))
        hashes = files.map { _ in Held() }
        self.queue = queue
    }

    /// A hash that a task has, to take it along over these bytes.
    struct Carried: Sendable {
        let hashes: FileHashes
        let file: Int
        let bytes: Range<UInt64>
        /// They are those of the unit that is read.
        let isOwn: Bool

        /// The bytes to read beside the unit.
        var others: (file: Int, bytes: Range<UInt64>)? { isOwn ? nil : (file, bytes) }

        /// Reads a unit for its layer, and gives the hash back.
        func read(_ plain: PlainBytes, over others: PlainBytes?, in store: LocalStore) throws -> LocalStore.Reading {
            let carried = CarriedHash(hashes.take(file), over: others)
            let reading = try store.read(plain, carrying: carried)
            hashes.giveBack(carried.take(), of: file, at: bytes.lowerBound + carried.count)
            return reading
        }
    }

    /// Called once for each unit that becomes layers, when it is about to be read. Says what the task takes along, if
    /// it can take anything.
    func begin(_ unit: Int, of file: Int, canCarry: Bool) -> Carried? {
        var carried: Carried?
        waiters.tellAll(.success(())) {
            carried = state.withLock { state in
                state.begun += 1
                state.files[file].isHere[unit] = true
                return canCarry ? state.carried(by: self, beside: unit, of: file) : nil
            }
        }
        return carried
    }

    /// A unit is here, and no task reads it for its layer yet. The task of the file may read it.
    func arrived(_ unit: Int, of file: Int) {
        waiters.tellAll(.success(())) { state.withLock { $0.files[file].isHere[unit] = true } }
    }

    /// What a file's own task has to do next.
    enum Work {
        case bytes(Range<UInt64>)
        /// These units are in the store.
        case stored(Range<Int>)
        case nothing
    }

    /// Waits for it. The task has the hash afterwards.
    func work(of file: Int) async throws -> Work {
        while true {
            if let work = state.withLock({ state in
                let work = state.work(of: file, isQueueEmpty: self.isQueueEmpty(state))
                if work != nil { state.files[file].isHeld = true }
                return work
            }) {
                return work
            }
            try await waiters.wait(for: file) {
                state.withLock { $0.work(of: file, isQueueEmpty: isQueueEmpty($0)) == nil } ? nil : .success(())
            }
        }
    }

    var tasksWaiting: Int { waiters.count }

    private func isQueueEmpty(_ state: borrowing State) -> Bool { state.begun >= queue.count }

    func take(_ file: Int) -> SHA256 {
        hashes[file].hash.withLock { hash in
            var taken = SHA256()
            swap(&taken, &hash)
            return taken
        }
    }

    /// The hash has all bytes before a position.
    func giveBack(_ hash: consuming SHA256, of file: Int, at position: UInt64) {
        var hash = hash
        hashes[file].hash.withLock { swap(&hash, &$0) }
        waiters.tellAll(.success(())) {
            state.withLock { state in
                state.files[file].isHeld = false
                state.files[file].advance(to: position)
            }
        }
    }
}

extension FileHashes.State {
    /// The unit's own bytes if they are the next ones, or others: first of the first file, whose end is the nearest.
    fileprivate mutating func carried(by hashes: FileHashes, beside unit: Int, of file: Int) -> FileHashes.Carried? {
        let bytes = files[file].units[unit].bytes
        if !files[file].isHeld, !files[file].isAlone, files[file].position == bytes.lowerBound {
            files[file].isHeld = true
            return FileHashes.Carried(hashes: hashes, file: file, bytes: bytes, isOwn: true)
        }
        for other in files.indices where !files[other].isAlone {
            guard let ready = files[other].ready(atMost: bytes.length) else { continue }
            files[other].isHeld = true
            return FileHashes.Carried(hashes: hashes, file: other, bytes: ready, isOwn: false)
        }
        return nil
    }

    fileprivate func work(of file: Int, isQueueEmpty: Bool) -> FileHashes.Work? {
        let running = files[file]
        if running.isHeld { return nil }
        guard running.next < running.units.count else { return .nothing }
        if running.units[running.next].isStored {
            let end = running.units[running.next...].firstIndex { !$0.isStored } ?? running.units.count
            return .stored(running.next..<end)
        }
        guard running.isAlone || isQueueEmpty, running.isHere[running.next] else { return nil }
        return .bytes(running.position..<running.units[running.next].bytes.upperBound)
    }
}
