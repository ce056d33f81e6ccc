internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// A file's own digest, made while its layers are read: unit after unit, in the order of the bytes, by any task.
final class FileHash: Sendable {
    private let taken: Arrivals
    private let units: [Segmentation.Unit]
    private let hash = Mutex(SHA256())

    init(_ units: [Segmentation.Unit]) {
        self.units = units
        taken = Arrivals(units.map(\.bytes)) { _ in }
    }

    /// The turn of one unit.
    struct Turn: Sendable {
        let file: FileHash
        let unit: Int

        /// Waits for the units before, and lets the next one continue when `body` has added all bytes of this one. A
        /// unit without bytes does not use the hash: its turn and the next one's may come at the same time.
        func take<Result>(_ body: (inout SHA256) throws -> Result) async throws -> Result {
            // Those of no bytes count as taken from the start.
            let before = file.units[..<unit].lastIndex { $0.count > 0 }
            if let before { try await file.taken.wait(for: before) }
            var hash = SHA256()
            if file.units[unit].count == 0 { return try body(&hash) }
            file.hash.withLock { swap(&hash, &$0) }
            let result = try body(&hash)
            file.hash.withLock { swap(&hash, &$0) }
            file.taken.arrived(file.units[unit].bytes)
            return result
        }
    }

    var tasksWaiting: Int { taken.tasksWaiting }

    /// If one unit fails, no other waits for it.
    func giveUp(_ error: any Error) { taken.giveUp(error) }

    /// After the last unit.
    func finish() -> Digest {
        hash.withLock { hash in
            var whole = SHA256()
            swap(&whole, &hash)
            return whole.finish()
        }
    }
}
