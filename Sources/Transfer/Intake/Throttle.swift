internal import Synchronization

/// Holds all connections together to a rate.
final class Throttle: Sendable {
    private let rate: Mutex<Rate>

    init(bytesPerSecond: UInt64) { rate = Mutex(Rate(bytesPerSecond: bytesPerSecond)) }

    func take(_ bytes: UInt64) async throws {
        let now = ContinuousClock.now
        try await Task.sleep(until: rate.withLock { $0.take(bytes, at: now) }, clock: .continuous)
    }
}

/// The time that bytes take at a rate.
struct Rate: Sendable {
    private let bytesPerSecond: Double
    /// When all that was taken so far will have been earned.
    private var paid: ContinuousClock.Instant?

    init(bytesPerSecond: UInt64) { self.bytesPerSecond = Double(max(bytesPerSecond, 1)) }

    /// When more may be taken. Time in which nothing was taken is not saved up.
    mutating func take(_ bytes: UInt64, at now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let due = max(paid ?? now, now) + .seconds(Double(bytes) / bytesPerSecond)
        paid = due
        return due
    }
}
