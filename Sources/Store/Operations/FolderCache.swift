package import Model
internal import Platform
internal import Synchronization

/// Values read from files and folders, kept until those change.
package final class FolderCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Kept {
        let statuses: [Disk.Status?]
        let number: UInt64
        let value: Value
    }

    private let kept: BoundedCache<Key, Kept>
    private let last = Atomic<UInt64>(0)

    /// Without a cost each value costs one.
    package init(room: Int, cost: @escaping @Sendable (Value) -> Int = { _ in 1 }) {
        kept = BoundedCache(room: room) { cost($0.value) }
    }

    func forget(_ key: Key) { kept[key] = nil }

    /// The value, and a number that is another for another state of the folders.
    package func value(
        of key: Key, in folders: [String], _ read: () throws(CakeError) -> Value
    ) throws(CakeError) -> (value: Value, number: UInt64) {
        // Read first: a change during the reading is noticed the next time.
        var statuses: [Disk.Status?] = []
        for folder in folders { statuses.append(try Disk.status(folder)) }
        if let kept = kept[key], FolderCache.isSame(kept.statuses, statuses) { return (kept.value, kept.number) }
        let value = try read()
        let number = last.add(1, ordering: .relaxed).newValue
        let isSettled = statuses.allSatisfy { $0?.isSettled ?? true }
        kept[key] = isSettled ? Kept(statuses: statuses, number: number, value: value) : nil
        return (value, number)
    }

    private static func isSame(_ kept: [Disk.Status?], _ now: [Disk.Status?]) -> Bool {
        kept.count == now.count
            && zip(kept, now).allSatisfy { kept, now in
                guard let kept, let now else { return kept == nil && now == nil }
                return now.isUnchanged(since: kept)
            }
    }
}
