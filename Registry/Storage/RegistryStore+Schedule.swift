public import Model
internal import Platform
public import Store

/// Collections that a server does from time to time. The servers of a store share them: a file has the time of the last.
extension RegistryStore {
    /// What a collection of the store and its registry freed.
    public struct Scheduled: Sendable {
        public let collected: Collected
        public let blobs: CollectedBlobs
    }

    /// Collects as `cake gc` does, if the last collection on a schedule is so long ago. Nil if it is not, or if another
    /// process is at it. The time counts from the first question, and also after a failure.
    public func collect(every time: Duration) throws(CakeError) -> Scheduled? {
        guard try isCollectionDue(time) else { return nil }
        let lock = try File(store.layout.lock("schedule"), .readWriteOrCreate)
        guard try lock.lock(exclusive: true, waiting: false) else { return nil }
        defer { lock.unlock() }
        guard try isCollectionDue(time) else { return nil }
        defer { try? Disk.touch(layout.collected) }
        return Scheduled(
            collected: try store.collect(
                grace: LocalStore.usualGrace, isDryRun: false, evenIfNothingIsNamed: false),
            blobs: try collect(grace: LocalStore.usualGrace, isDryRun: false))
    }

    private func isCollectionDue(_ time: Duration) throws(CakeError) -> Bool {
        guard store.isWritable else { return false }
        guard let status = try Disk.status(layout.collected) else {
            _ = try File(layout.collected, .readWriteOrCreate)
            return false
        }
        let passed = Machine.now - status.modified
        // A clock that was set back must not delay it for long.
        return passed >= Int(time.components.seconds) || passed < -60
    }
}
