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
        if let values = storage.distant {
            guard try claimCollection(time, in: values) else { return nil }
            let collection = DistantCollection(in: values, .init(grace: LocalStore.usualGrace))
            let blobs = try waiting { () throws(CakeError) in try await collection() }
            return Scheduled(collected: Collected(), blobs: blobs)
        }
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

    /// Another storage is asked no more often: in seconds.
    public var scheduleStep: Int { isDistant ? 60 : 1 }

    /// The server that replaces the value as it was seen collects. One that is killed then delays the next collection, and no more.
    private func claimCollection(_ time: Duration, in values: DistantValues) throws(CakeError) -> Bool {
        let text = StorageBody(Array("cake registry collection 1 \(UploadName.random())\n".utf8))
        guard let there = try values.look(at: keys.collected, isAgain: true) else {
            _ = try values.put(text, at: keys.collected, if: .absent)
            return false
        }
        let seconds = Int(time.components.seconds)
        // The storage's clock is asked when this machine's is near: a storage refuses one that is further off.
        let passed = Machine.now - there.time
        guard passed >= seconds - RegistryStore.mostSkew || passed < -RegistryStore.mostSkew,
            try storageTime() - there.time >= seconds
        else { return false }
        return try values.put(text, at: keys.collected, if: .unchanged(there.version))
    }

    /// Seconds.
    private static let mostSkew = 900

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
