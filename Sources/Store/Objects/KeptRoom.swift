internal import Synchronization

/// Memory for layers that stay there between being named and being encoded: one limit for all commands of a process in
/// a store, for any number of models. A layer that does not fit is read from its file again.
final class KeptRoom: Sendable {
    private let used = Atomic<UInt64>(0)
    private let limit: UInt64

    init(_ limit: UInt64) { self.limit = limit }

    func take(_ bytes: UInt64) -> Bool {
        if used.add(bytes, ordering: .relaxed).newValue <= limit { return true }
        giveBack(bytes)
        return false
    }

    func giveBack(_ bytes: UInt64) { used.subtract(bytes, ordering: .relaxed) }
}
