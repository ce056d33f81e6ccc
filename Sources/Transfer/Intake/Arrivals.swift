internal import Platform
internal import Synchronization

/// Which units of a remote file are whole, while its bytes arrive in any order.
final class Arrivals: Sendable {
    private struct State {
        /// Bytes still to come, by unit.
        var missing: [UInt64]
        var failure: (any Error)?
    }

    /// In order, none over another.
    private let units: [Range<UInt64>]
    private let state: Mutex<State>
    private let waiters = Waiters<Int, Void>()
    private let onWhole: @Sendable (Int) -> Void

    /// `runs` do not overlap. `onWhole` hears of each unit once, also of those that are whole from the start.
    convenience init(
        _ units: [Segmentation.Unit], having runs: [Range<UInt64>], onWhole: @escaping @Sendable (Int) -> Void
    ) {
        self.init(units.map(\.bytes), having: runs, onWhole: onWhole)
    }

    init(_ units: [Range<UInt64>], having runs: [Range<UInt64>], onWhole: @escaping @Sendable (Int) -> Void) {
        self.units = units
        self.onWhole = onWhole
        state = Mutex(State(missing: units.map { UInt64($0.count) }))
        for index in units.indices where units[index].isEmpty { onWhole(index) }
        for run in runs { arrived(run) }
    }

    /// Bytes that were not here before.
    func arrived(_ bytes: Range<UInt64>) {
        var whole: [Int] = []
        state.withLock { state in
            var index = firstUnit(endingAfter: bytes.lowerBound)
            while index < units.count, units[index].lowerBound < bytes.upperBound {
                let overlap = units[index].clamped(to: bytes)
                if !overlap.isEmpty {
                    state.missing[index] -= UInt64(overlap.count)
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

    private func firstUnit(endingAfter offset: UInt64) -> Int {
        var (low, high) = (0, units.count)
        while low < high {
            let middle = (low + high) / 2
            if units[middle].upperBound <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
