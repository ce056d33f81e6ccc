internal import Synchronization

/// A shared limit on bytes of memory or disk. A reservation returns its bytes when its last owner releases it.
public final class Budget: Sendable {
    private struct State {
        var used: UInt64 = 0
        var byClient: [String: UInt64] = [:]
    }

    private let total: UInt64
    private let share: UInt64
    private let state = Mutex(State())

    /// One client has at most `share` of the `total`.
    public init(_ total: UInt64, share: UInt64) {
        self.total = total
        self.share = share
    }

    public var used: UInt64 { state.withLock { $0.used } }

    /// Nil if less than that is left. With `evenIfLarge` a single reservation may exceed the total: otherwise a large
    /// thing could never be reserved.
    public func take(_ count: UInt64, for client: String = "", evenIfLarge: Bool = false) -> Reservation? {
        let reservation = Reservation(self, client)
        return reservation.grow(by: count, evenIfLarge: evenIfLarge) ? reservation : nil
    }

    fileprivate func add(_ count: UInt64, for client: String, evenIfLarge: Bool) -> Bool {
        state.withLock { state in
            let own = state.byClient[client, default: 0]
            let isOnly = evenIfLarge && state.used == 0
            guard isOnly || count <= total - min(total, state.used) && count <= share - min(share, own),
                !state.used.addingReportingOverflow(count).overflow
            else { return false }
            state.used += count
            state.byClient[client] = own + count
            return true
        }
    }

    fileprivate func remove(_ count: UInt64, for client: String) {
        guard count > 0 else { return }
        state.withLock { state in
            state.used -= count
            let own = state.byClient[client, default: 0] - count
            state.byClient[client] = own == 0 ? nil : own
        }
    }

    public final class Reservation: Sendable {
        private let budget: Budget
        private let client: String
        private let held = Mutex<UInt64>(0)

        fileprivate init(_ budget: Budget, _ client: String) {
            self.budget = budget
            self.client = client
        }

        deinit { budget.remove(held.withLock { $0 }, for: client) }

        /// False if the budget has less than that left; the reservation is then unchanged.
        public func grow(by count: UInt64, evenIfLarge: Bool = false) -> Bool {
            guard budget.add(count, for: client, evenIfLarge: evenIfLarge) else { return false }
            held.withLock { $0 += count }
            return true
        }

        public func shrink(to count: UInt64) {
            let spare = held.withLock { held -> UInt64 in
                guard held > count else { return 0 }
                defer { held = count }
                return held - count
            }
            budget.remove(spare, for: client)
        }
    }
}
