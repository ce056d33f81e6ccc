public import Model
internal import Platform

/// What a collection removed, or would remove.
public struct Collected: Sendable {
    public var layers = 0
    public var manifests = 0
    /// The free space that the disk gains.
    public var bytes: UInt64 = 0
    /// Layers that no manifest has ever named, kept because they are young: a command that was killed may go on.
    public var keptYoung = 0
    public var keptYoungBytes: UInt64 = 0
    /// Files of which a pull fetched a part, long ago.
    public var halfFetched = 0
    /// The same, not so long ago: a pull may go on with them.
    public var keptDownloads = 0
    public var keptDownloadBytes: UInt64 = 0
    /// Layers that only versions have which a name left a short time ago: `cake tag` can bring these back.
    public var keptReplaced = 0
    public var keptReplacedBytes: UInt64 = 0
    /// Layers that no model has any more, kept because layers of models are stored as deltas against them.
    public var keptBases = 0
    public var keptBaseBytes: UInt64 = 0
    /// Of these, those that `gc --rebase` has not tried to free as they are now.
    public var untriedBases = 0
    /// Layers that only running commands need.
    public var keptHeld = 0
    public var keptHeldBytes: UInt64 = 0
    /// Files that stay on the disk under other names, and how many of their names are removed.
    package var linked: [DiskRoom.Inode: UInt64] = [:]
    /// Commands that were killed and left what they had not published.
    public var interrupted = 0

    public init() {}
}

extension LocalStore {
    /// So long what no model has named yet is kept: a command that was killed may be started again.
    public static let usualGrace = Duration.seconds(86_400)

    /// Removes what no name leads to. `grace` protects only what no manifest has ever named, not what was `released`, and what
    /// names led to before.
    public func collect(
        grace: Duration, isDryRun: Bool, evenIfNothingIsNamed: Bool, released: Set<Digest> = []
    ) throws(CakeError) -> Collected {
        var left = DiskRoom()
        var interrupted = 0
        // Before an operation of this collection's clears them away uncounted.
        try Leases(layout).forEachDead { path throws(CakeError) in
            interrupted += 1
            try left.add(tree: path)
            if !isDryRun { try Disk.removeTree(path) }
        }
        var collected = try collect(
            grace: grace, isDryRun: isDryRun, evenIfNothingIsNamed: evenIfNothingIsNamed, unlessIn: released)
        collected.interrupted = interrupted
        collected.linked.merge(left.kept) { $0 + $1 }
        collected.bytes += left.bytes
        return collected
    }

    /// What removing models makes free, and what it does not.
    public struct Removal: Sendable {
        /// What the next collection frees, other models' remains included.
        public let freed: UInt64
        /// What the removed models alone have, and other models' deltas need.
        public let stays: UInt64
        public let layersStaying: Int
        /// Whether `gc --rebase` may free some of that: it has not tried.
        public let mayRebase: Bool
        /// What stays as long as commands run that use it.
        public let held: UInt64
        /// Files that stay on the disk under other names, and how many of their names the collection removes.
        package let linked: [DiskRoom.Inode: UInt64]
    }

    /// What is true as soon as these names are gone. A collection that follows frees exactly that.
    public func removal(of models: [Named]) throws(CakeError) -> Removal {
        var layers: Set<Digest> = []
        for model in models {
            if let manifest = try? manifest(model.record.manifest) { layers.formUnion(manifest.layers.map(\.digest)) }
        }
        var left = DiskRoom()
        try Leases(layout).forEachDead { path throws(CakeError) in try left.add(tree: path) }
        let collector = try Collector(
            self, grace: LocalStore.usualGrace, true, [], canRewritePacks: true, without: Set(models.map(\.name)))
        let staying = collector.bases.filter { layers.contains($0.key) }
        return Removal(
            freed: collector.collected.bytes + left.bytes, stays: staying.values.reduce(0, +),
            layersStaying: staying.count, mayRebase: staying.keys.contains(where: collector.untried.contains),
            held: collector.held.reduce(0) { $0 + (layers.contains($1.key) ? $1.value : 0) },
            linked: collector.collected.linked)
    }

    private func collect(
        grace: Duration, isDryRun: Bool, evenIfNothingIsNamed: Bool, unlessIn released: Set<Digest>
    ) throws(CakeError) -> Collected {
        if isDryRun {
            return try Collector(self, grace: grace, evenIfNothingIsNamed, released, canRewritePacks: true).collected
        }
        // Made first: it will hold the packs that are written again. On a disk without room for it, what can be freed by removing alone is freed.
        let operation: Operation?
        do {
            operation = try Operation(self)
        } catch let error where error.kind == .diskFull { operation = nil }
        return try withSweepLock { () throws(CakeError) in
            var collector = try Collector(
                self, grace: grace, evenIfNothingIsNamed, released, canRewritePacks: operation != nil)
            try collector.sweep(in: operation)
            return collector.collected
        }
    }
}
