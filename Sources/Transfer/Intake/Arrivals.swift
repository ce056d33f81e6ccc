internal import Model
internal import Platform
internal import Synchronization

/// Which units of a remote file are whole, while its bytes arrive in any order.
final class Arrivals: Sendable {
    private struct State {
        /// Bytes still to come, by unit.
        var missing: [UInt64]
        var failure: (any Error)?
    }

    /// In order, without overlap.
    private let units: [Range<UInt64>]
    private let state: Mutex<State>
    private let waiters = Waiters<Int, Void>()
    private let onWhole: @Sendable (Int) -> Void

    /// `onWhole` hears of each unit once, also of those that are whole from the start.
    init(
        _ units: [Range<UInt64>], having runs: RangeSet<UInt64> = RangeSet(), onWhole: @escaping @Sendable (Int) -> Void
    ) {
        self.units = units
        self.onWhole = onWhole
        state = Mutex(State(missing: units.map(\.length)))
        for index in units.indices where units[index].isEmpty { onWhole(index) }
        for run in runs.ranges { arrived(run) }
    }

    /// Bytes that were not here before.
    func arrived(_ bytes: Range<UInt64>) {
        var whole: [Int] = []
        state.withLock { state in
            var index = units.partitioningIndex { $0.upperBound > bytes.lowerBound }
            while index < units.count, units[index].lowerBound < bytes.upperBound {
                let overlap = units[index].clamped(to: bytes)
                if !overlap.isEmpty {
                    state.missing[index] -= overlap.length
                    if state.missing[index] == 0 { whole.append(index) }
                }
                index += 1
            }
        }
        for index in whole {
            onWhole(index)
            waiters.tell(index, .success(()))
        }
    }

    /// Returns when a unit is whole. Any number of tasks may wait for the same one.
    func wait(for unit: Int) async throws {
        try await waiters.wait(for: unit) {
            state.withLock { state in
                if state.missing[unit] == 0 { return .success(()) }
                return state.failure.map { .failure($0) }
            }
        }
    }

    var tasksWaiting: Int { waiters.count }

    /// Nothing more will come.
    func giveUp(_ error: any Error) {
        state.withLock { $0.failure = error }
        waiters.tellAll(.failure(error))
    }
}
