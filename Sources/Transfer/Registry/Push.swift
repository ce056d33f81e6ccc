public import Model
internal import Platform
public import Store

/// Sends a model to a registry: what the repository or its base's has already is named or taken over, only what is new is
/// packed and sent, and the tag moves last.
public struct Push: Sendable {
    public struct Options: Sendable {
        /// Send in pieces of so many bytes, rather than a pack at once.
        public var chunkSize: UInt64?
        public var packsAtOnce = 4
        public var bytesPerSecond: UInt64?
        public var annotations: [ModelArtifact.Annotation] = []
        public init() {}
    }

    public struct Report: Sendable {
        /// What the tag means now.
        public let digest: BlobName
        public let layers: Int
        public let layersSent: Int
        public let packs: Int
        public let packsSent: Int
        public let packsMounted: Int
        public let bytesSent: UInt64
        /// Plain bytes of the model's files.
        public let bytes: UInt64
        /// Layers that are deltas here and were sent without their base.
        public let layersRecoded: Int
        /// The tag meant this before.
        public let isSame: Bool
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

    /// Tags of one repository whose indexes are read.
    private static let mostTags = 16

    /// What is there already, and in which repository.
    struct Earlier: Sendable {
        var indexes: [PackIndex] = []
        /// Where a pack lies that is not in the target.
        var places: [Digest: RepositoryName] = [:]
        var own: Set<Digest> = []
    }

    func earlier() async throws -> Earlier {
        var earlier = Earlier()
        for repository in [target] + others {
            let tags = try await repository.tags()
            let chosen = tags.filter { $0 == tag } + tags.filter { $0 != tag }.reversed().prefix(Push.mostTags)
            for tag in chosen {
                guard let index = try await RemoteArtifact.index(.tag(tag), in: repository) else { continue }
                earlier.indexes.append(index)
                for pack in index.packs {
                    if repository.name == target.name {
                        earlier.own.insert(pack.digest)
                    } else if earlier.places[pack.digest] == nil {
                        earlier.places[pack.digest] = repository.name
                    }
                }
            }
        }
        return earlier
    }

    /// An object as it lies in the store. It is opened when it is read: a model has more of them than a process may have
    /// files.
    struct Object: Sendable {
        let length: UInt64
        let base: Digest?
    }

    /// What is sent and what is not.
    struct Layout: Sendable {
        let plan: PackPlan
        /// Layers of new packs that have to be encoded without a base.
        let recoded: Set<Digest>
        /// Of layers of new packs.
        let objects: [Digest: Object]
    }

    /// A delta goes as it is where its base is in a pack that is listed.
    func layout(_ earlier: Earlier) throws(CakeError) -> Layout {
        let layers = manifest.layers
        let first = PackPlan(layers, earlier: earlier.indexes)
        var objects: [Digest: Object] = [:]
        func look(_ plan: PackPlan) throws(CakeError) {
            for layer in plan.new.joined() where objects[layer.digest] == nil {
                let stored = try store.stored(layer)
                objects[layer.digest] = Object(length: stored.bytes.count, base: stored.base)
            }
        }
        try look(first)
        var seen: Set<Digest> = []
        var bases: [Layer] = []
        for layer in first.new.joined() {
            guard let base = objects[layer.digest]?.base, seen.insert(base).inserted else { continue }
            bases.append(Layer(digest: base, size: layer.size))
        }
        let plan = bases.isEmpty ? first : PackPlan(layers, bases: bases, earlier: earlier.indexes)
        try look(plan)
        var whole = plan.bases
        for layer in plan.new.joined() where objects[layer.digest]?.base == nil { whole.insert(layer.digest) }
        let recoded = plan.new.joined().map(\.digest).filter { layer in
            objects[layer]?.base.map { !whole.contains($0) } ?? false
        }
        return Layout(plan: plan, recoded: Set(recoded), objects: objects)
    }

    /// What it would send; of what has to be encoded anew no more is known than that it is at most so much.
    public struct Outlook: Sendable {
        public let bytesToSend: UInt64
        public let packs: Int
        public let packsToSend: Int
        public let layers: Int
        public let layersToSend: Int
        public let layersToRecode: Int
    }

    public func outlook() async throws -> Outlook {
        let layout = try layout(try await earlier())
        let new = layout.plan.new.joined()
        let bytes = new.reduce(UInt64(0)) { sum, layer in
            sum + (layout.recoded.contains(layer.digest) ? layer.size : layout.objects[layer.digest]?.length ?? 0)
        }
        return Outlook(
            bytesToSend: bytes, packs: layout.plan.reused.count + layout.plan.new.count,
            packsToSend: layout.plan.new.count, layers: manifest.layers.count, layersToSend: new.count,
            layersToRecode: layout.recoded.count)
    }

    public func callAsFunction() async throws -> Report {
        let operation = try Operation(store)
        _ = try operation.hold(manifest.layers)
        var earlier = try await earlier()
        var layout = try layout(earlier)
        var mounted: Set<Digest> = []
        var confirmed: Set<Digest> = []
        while let refused = try await mount(layout.plan.reused, earlier, &mounted, &confirmed) {
            // What is not given away there has to be sent: plan without it.
            earlier.indexes.removeAll { $0.packs.contains { $0.digest == refused } }
            layout = try self.layout(earlier)
        }
        progress.begin("pushing \(target.name):\(tag)")
        let count = layout.plan.new.joined().count
        progress.expect(bytes: 0, items: UInt64(count))
        let (plan, final) = (layout.plan, layout)
        let made = try await sideBySide(plan.new.count, atOnce: options.packsAtOnce, on: store.pool) { number in
            try await send(plan.new[number], final, in: operation)
        }
        return try await finish(layout, made, mounted: mounted.count)
    }

    /// Nil when all are there; else a pack that the registry does not give away.
    private func mount(
        _ packs: [PackIndex.Pack], _ earlier: Earlier, _ mounted: inout Set<Digest>,
        _ confirmed: inout Set<Digest>
    ) async throws -> Digest? {
        for pack in packs where !mounted.contains(pack.digest) && !confirmed.contains(pack.digest) {
            if earlier.own.contains(pack.digest) {
                // The registry may have found since that it is damaged.
                guard try await target.has(BlobName(pack.digest), size: pack.size) else { return pack.digest }
                confirmed.insert(pack.digest)
                continue
            }
            guard let place = earlier.places[pack.digest] else { return pack.digest }
            guard try await target.mount(BlobName(pack.digest), from: place) else { return pack.digest }
            mounted.insert(pack.digest)
        }
        return nil
    }
}
