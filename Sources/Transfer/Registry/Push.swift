public import Model
internal import Platform
public import Remote
public import Store

/// Sends a model to a registry: layers that the repository or its base's has are listed or mounted, only new ones are
/// packed and sent, and the tag moves last.
public struct Push: Sendable {
    public struct Options: Sendable {
        /// Send in pieces of so many bytes, instead of a pack at once.
        public var chunkSize: UInt64?
        public var packsAtOnce = 4
        public var bytesPerSecond: UInt64?
        public var annotations: [ModelArtifact.Annotation] = []
        /// Repositories whose packs may be listed for all readers: the person named them.
        public var bases: Set<RepositoryName> = []
        /// Read all reused layers, and trust no earlier proof.
        public var provesAll = false
        public init() {}
    }

    public struct Report: Sendable {
        /// The digest of the tag now.
        public let digest: BlobName
        public let layers: Int
        public let layersSent: Int
        public let packs: Int
        public let packsSent: Int
        public let packsMounted: Int
        /// Packs of other repositories that are listed, and of which.
        public let reused: [Count]
        /// Packs that were not reused, because they do not match their index.
        public let refused: [Count]
        public let bytesSent: UInt64
        /// Plain bytes of the model's files.
        public let bytes: UInt64
        /// Layers that are deltas here and were sent without their base.
        public let layersRecoded: Int
        /// The tag meant this before.
        public let isSame: Bool
        /// The digest of the tag before, if it was another.
        public let replaced: BlobName?
        /// Made here, and beside the model there.
        public let signatures: Int
    }

    /// Packs of one repository.
    public struct Count: Hashable, Sendable {
        public let repository: RepositoryName
        public let packs: Int
        /// They are not there any more.
        public var isMissing = false
    }

    let store: LocalStore
    let manifest: Manifest
    let target: RemoteRepository
    let tag: TagName
    /// Repositories of the same registry that may hold layers of it, the likeliest first.
    let others: [RemoteRepository]
    let progress: Progress
    let options: Options
    let throttle: Throttle?

    public init(
        _ manifest: Manifest, from store: LocalStore, to target: RemoteRepository, as tag: TagName,
        beside others: [RemoteRepository], progress: Progress, options: Options
    ) {
        self.manifest = manifest
        self.store = store
        self.target = target
        self.tag = tag
        self.others = others.filter { $0.name != target.name }
        self.progress = progress
        self.options = options
        throttle = options.bytesPerSecond.map { Throttle(bytesPerSecond: $0) }
    }

    /// An object in the store. It is opened when it is read: a model has more objects than a process may have open
    /// files.
    struct Object: Sendable {
        let length: UInt64
        let base: Digest?
    }

    /// The blobs to send, and the reused ones.
    struct Layout: Sendable {
        let plan: PackPlan
        /// Layers of new packs that have to be encoded without a base.
        let recoded: Set<Digest>
        /// Of layers of new packs.
        let objects: [Digest: Object]
        let kinds: [Digest: Tensor.Kind]
    }

    /// A delta is sent as it is if its base is in a listed pack.
    func layout(_ earlier: Earlier) throws(CakeError) -> Layout {
        let layers = manifest.layers
        let kinds = manifest.kinds
        let apart = Set(layers.lazy.map(\.digest).filter { kinds[$0] == nil })
        func plan(_ bases: [Layer]) -> PackPlan {
            PackPlan(layers, bases: bases, earlier: earlier.indexes, apart: apart, without: Set(earlier.refused.keys))
        }
        let first = plan([])
        var objects: [Digest: Object] = [:]
        func look(_ plan: PackPlan) throws(CakeError) {
            for layer in plan.new.joined() where objects[layer.digest] == nil {
                let stored = try store.stored(layer)
                objects[layer.digest] = Object(length: stored.bytes.count, base: stored.base)
            }
        }
        try look(first)
        let bases = first.new.joined().bases { objects[$0]?.base }
        let plan = bases.isEmpty ? first : plan(bases)
        try look(plan)
        let recoded = plan.deltasWithoutBase { objects[$0]?.base }
        return Layout(plan: plan, recoded: recoded, objects: objects, kinds: kinds)
    }

    /// What it would send. The size of layers that have to be encoded again is an upper limit.
    public struct Outlook: Sendable {
        public let bytesToSend: UInt64
        public let packs: Int
        public let packsToSend: Int
        public let layers: Int
        public let layersToSend: Int
        public let layersToRecode: Int
        /// Of layers that are there already, so many were never proved to be: a push reads some of each first.
        public let layersToProve: Int
        public let reused: [Count]
    }

    public func outlook() async throws -> Outlook {
        let earlier = try await earlier()
        let layout = try layout(earlier)
        let proved = store.provedMembers(at: target.client.routes, forgotten: options.provesAll)
        let unproved = unproved(layout.plan.taken, knowing: proved)
        let new = layout.plan.new.joined()
        let bytes = new.reduce(UInt64(0)) { sum, layer in
            sum + (layout.recoded.contains(layer.digest) ? layer.size : layout.objects[layer.digest]?.length ?? 0)
        }
        return Outlook(
            bytesToSend: bytes, packs: layout.plan.reused.count + layout.plan.new.count,
            packsToSend: layout.plan.new.count, layers: manifest.layers.count, layersToSend: new.count,
            layersToRecode: layout.recoded.count, layersToProve: unproved.count,
            reused: earlier.counts(of: layout.plan.reused))
    }

    public func callAsFunction() async throws -> Report {
        let operation = try Operation(store)
        _ = try operation.hold(manifest.layers)
        var earlier = try await earlier()
        var proved = store.provedMembers(at: target.client.routes, forgotten: options.provesAll)
        let layout = try await settle(&earlier, &proved, in: operation)
        progress.begin("pushing \(target.name):\(tag)")
        let count = layout.plan.new.joined().count
        progress.expect(bytes: 0, items: UInt64(count))
        let (plan, refused) = (layout.plan, Set(earlier.refused.keys))
        let made = try await sideBySide(plan.new.count, atOnce: options.packsAtOnce, on: store.pool) { number in
            try await send(plan.new[number], layout, replacing: refused, in: operation)
        }
        try await checkReplaced(made, refused, in: operation)
        let report = try await finish(layout, made, earlier)
        for one in made { for member in one.members { proved.add(member, in: one.pack.digest) } }
        // It is derived: a push does not fail for it.
        try? proved.save()
        return report
    }
}
