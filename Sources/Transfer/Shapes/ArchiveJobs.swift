internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// Units of archives on their way to become layers. They wait on this disk: a stream that is ahead by too many bytes waits.
final class ArchiveJobs: Sendable {
    enum Job: Sendable {
        case unit(UnpackedFile, Segmentation.Unit, PlainBytes)
        /// The archive was read, it matches its digest, and so many units were made of it.
        case end(units: Int, [ArchiveStream.Entry])
    }

    private struct State {
        var jobs: [Int: Job] = [:]
        var last = 0
        var bytes: UInt64 = 0
    }

    /// Together with one unit for each stream.
    private static let mostBytes: UInt64 = 256 << 20

    private let queue: FinishedUnits
    private let state = Mutex(State())
    private let waiters = Waiters<Int, Void>()

    init(_ queue: FinishedUnits) { self.queue = queue }

    func add(_ job: Job, of archive: Int) async throws {
        var bytes: UInt64 = 0
        if case .unit(_, let unit, _) = job { bytes = unit.count }
        while bytes > 0, state.withLock({ $0.bytes >= ArchiveJobs.mostBytes }) {
            try await waiters.wait(for: 0) {
                state.withLock { $0.bytes < ArchiveJobs.mostBytes } ? .success(()) : nil
            }
        }
        let added = bytes
        let number = state.withLock { state in
            state.bytes += added
            state.last += 1
            state.jobs[state.last] = job
            return state.last
        }
        queue.of(file: archive)(number)
    }

    func take(_ number: Int) -> Job? { state.withLock { $0.jobs.removeValue(forKey: number) } }

    /// A unit is a layer, or never will be.
    func done(_ unit: Segmentation.Unit) {
        waiters.tellAll(.success(())) { state.withLock { $0.bytes -= unit.count } }
    }
}
