internal import Model
public import Remote
internal import Store
internal import Synchronization

/// The progress of a command. Workers add to it from any thread; code that draws it takes a snapshot. Nothing here
/// knows whether there is a screen.
public final class Progress: Sendable {
    /// The name of an item, in the plural: "tensors", "files".
    public let items: String

    private let phase: Mutex<String>
    private let bytesTotal = Atomic<UInt64>(0)
    private let bytesDone = Atomic<UInt64>(0)
    private let bytesKnown = Atomic<UInt64>(0)
    private let bytesSkipped = Atomic<UInt64>(0)
    private let notice = Mutex<String?>(nil)
    private let bytesStored = Atomic<UInt64>(0)
    private let itemsTotal = Atomic<UInt64>(0)
    private let itemsDone = Atomic<UInt64>(0)

    /// `phase` is the action and its object: "importing mistral-7b".
    public init(_ phase: String, items: String = "files") {
        self.phase = Mutex(phase)
        self.items = items
    }

    /// A new phase continues the counts of the last one.
    public func begin(_ name: String) { phase.withLock { $0 = name } }

    /// More to do than was known until now. Totals may grow on the way; the display shows a bar once there is one.
    public func expect(bytes: UInt64, items: UInt64 = 0) {
        bytesTotal.add(bytes, ordering: .relaxed)
        itemsTotal.add(items, ordering: .relaxed)
    }

    /// Bytes that were read, hashed, moved: the work itself.
    public func did(bytes: UInt64) { bytesDone.add(bytes, ordering: .relaxed) }

    /// Bytes that count as done because they are here already, under this name or another.
    public func knew(bytes: UInt64) { bytesKnown.add(bytes, ordering: .relaxed) }

    /// Bytes that are done without being moved: they say nothing of how fast the rest will come.
    public func skipped(bytes: UInt64) {
        did(bytes: bytes)
        bytesSkipped.add(bytes, ordering: .relaxed)
    }

    /// Skipped, since they are here already.
    public func had(bytes: UInt64) {
        skipped(bytes: bytes)
        knew(bytes: bytes)
    }

    /// The reason of a wait; nil when it is over.
    public func stands(_ why: String?) { notice.withLock { $0 = why } }

    /// Bytes that were stored, after compression.
    public func stored(bytes: UInt64) { bytesStored.add(bytes, ordering: .relaxed) }

    public func finished(items count: UInt64 = 1) { itemsDone.add(count, ordering: .relaxed) }

    public var snapshot: Snapshot {
        Snapshot(
            phase: phase.withLock { $0 }, items: items,
            bytesTotal: bytesTotal.load(ordering: .relaxed), bytesDone: bytesDone.load(ordering: .relaxed),
            bytesKnown: bytesKnown.load(ordering: .relaxed), bytesStored: bytesStored.load(ordering: .relaxed),
            itemsTotal: itemsTotal.load(ordering: .relaxed), itemsDone: itemsDone.load(ordering: .relaxed),
            bytesSkipped: bytesSkipped.load(ordering: .relaxed), notice: notice.withLock { $0 })
    }

    /// The progress at one moment. The counters are read one after the other: a sum may be off by the work done in
    /// between.
    public struct Snapshot: Hashable, Sendable {
        public var phase: String
        public var items: String
        public var bytesTotal: UInt64
        public var bytesDone: UInt64
        public var bytesKnown: UInt64
        public var bytesStored: UInt64
        public var itemsTotal: UInt64
        public var itemsDone: UInt64
        public var bytesSkipped: UInt64
        public var notice: String?
        /// The measure of the rate.
        public var bytesMoved: UInt64 { bytesDone - min(bytesDone, bytesSkipped) }

        public init(
            phase: String, items: String = "files", bytesTotal: UInt64 = 0, bytesDone: UInt64 = 0,
            bytesKnown: UInt64 = 0, bytesStored: UInt64 = 0, itemsTotal: UInt64 = 0, itemsDone: UInt64 = 0,
            bytesSkipped: UInt64 = 0, notice: String? = nil
        ) {
            self.phase = phase
            self.items = items
            self.bytesTotal = bytesTotal
            self.bytesDone = bytesDone
            self.bytesKnown = bytesKnown
            self.bytesStored = bytesStored
            self.itemsTotal = itemsTotal
            self.itemsDone = itemsDone
            self.bytesSkipped = bytesSkipped
            self.notice = notice
        }
    }
}

extension Operation {
    /// Publishes, and reports the stored bytes.
    @discardableResult
    func publish(telling progress: Progress) throws(CakeError) -> UInt64 {
        let bytes = try publish()
        progress.stored(bytes: bytes)
        return bytes
    }
}

extension HubSource {
    /// The same source, that shows there when it waits for the network.
    public func telling(_ progress: Progress) -> HubSource { telling { progress.stands($0) } }
}
