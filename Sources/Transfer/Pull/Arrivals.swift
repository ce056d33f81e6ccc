internal import Synchronization

/// Which units of a remote file are whole, while its bytes arrive in any order.
final class Arrivals: Sendable {
    private struct State {
        /// Bytes still to come, by unit.
        var missing: [UInt64]
        var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]
        var failure: (any Error)?
    }

    /// In order, none over another.
    private let units: [Range<UInt64>]
    private let state: Mutex<State>
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
        let waiters = state.withLock { state in
            var index = firstUnit(endingAfter: bytes.lowerBound)
            while index < units.count, units[index].lowerBound < bytes.upperBound {
                let overlap = units[index].clamped(to: bytes)
                if !overlap.isEmpty {
                    state.missing[index] -= UInt64(overlap.count)
                    if state.missing[index] == 0 { whole.append(index) }
                }
                index += 1
            }
            return whole.compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for index in whole { onWhole(index) }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when a unit is whole.
    func wait(for unit: Int) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready: Result<Void, any Error>? = state.withLock { state in
                    if state.missing[unit] == 0 { return .success(()) }
                    if let failure = state.failure { return .failure(failure) }
                    state.waiters[unit] = continuation
                    return nil
                }
                if let ready { continuation.resume(with: ready) }
            }
        } onCancel: {
            giveUp(CancellationError())
        }
    }

    /// Nothing more will come.
    func giveUp(_ error: any Error) {
        let waiters = state.withLock { state in
            state.failure = error
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume(throwing: error) }
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
