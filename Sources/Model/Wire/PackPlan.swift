/// The layout of a model in a registry: which existing packs it lists, what it takes from them, and which new packs it
/// needs. A pure answer, the same for the same model and the same earlier indexes.
public struct PackPlan: Hashable, Sendable {
    /// A layer in an existing pack.
    public struct Taken: Hashable, Sendable {
        public let pack: PackIndex.Pack
        /// As the earlier index has it; its own pack's number means nothing here.
        public let member: PackIndex.Member

        public init(pack: PackIndex.Pack, member: PackIndex.Member) {
            self.pack = pack
            self.member = member
        }
    }

    /// log2 of the plain bytes that a pack may hold.
    public let packBits: UInt8
    /// Packs that are there: in the order of first use, or, where layers are kept apart, as the earlier indexes have them.
    public internal(set) var reused: [PackIndex.Pack] = []
    /// Layers in these, bases of deltas included.
    public internal(set) var taken: [Taken] = []
    /// Packs to be made, each its layers in order.
    public internal(set) var new: [[Layer]] = []

    static let leastPackBits: UInt8 = 26
    /// So many packs of full size at the most.
    static let fullPacks: UInt64 = 200
    /// Above this number, packs that are little used are made again.
    public static let mostPacks = 400

    /// The least power of two from 64 MiB up of which 200 hold the plain bytes.
    public static func packBits(forPlainBytes bytes: UInt64) -> UInt8 {
        var bits = leastPackBits
        while bits < 63, bytes.clampedSum(1 << UInt64(bits) - 1) >> UInt64(bits) > fullPacks { bits += 1 }
        return bits
    }

    /// `layers` are the model's, each once, in the order of its files. A layer of an earlier index is taken from there,
    /// from the first index that has it as a plain layer, else from the first that has it as a delta. Of `bases`, which
    /// are not layers of the model, those are taken too that an earlier index has as plain layers. Packs in `refused`
    /// are not reused. Layers in `apart` fill new packs of their own: a pack of weights alone is useful to every model
    /// with these weights. Deltas of `besides`, which the reader has, need no base in an index.
    public init(
        _ layers: [Layer], bases: [Layer] = [], earlier: [PackIndex] = [], apart: Set<Digest> = [],
        without unwanted: Set<Digest> = [], besides: LayerList = .none
    ) {
        let wanted = layers.filter { $0.size > 0 }
        packBits = PackPlan.packBits(forPlainBytes: wanted.reduce(0) { $0.clampedSum($1.size) })
        var found: [Digest: [Taken]] = [:]
        for layer in wanted {
            if let taken = PackPlan.find(layer, in: earlier, without: unwanted, besides) {
                found[layer.digest] = taken
            }
        }
        let own = Set(wanted.map(\.digest))
        var others: [Taken] = []
        for base in bases where !own.contains(base.digest) {
            if let taken = PackPlan.find(base, in: earlier, without: unwanted, .none), taken.count == 1 {
                others += taken
            }
        }
        lay(wanted, found, others, apart, without: unwanted)
        if reused.count + new.count > PackPlan.mostPacks {
            var thinning = PackThinning(wanted, found, others, apart: apart, packBits: packBits)
            lay(wanted, found, others, apart, without: unwanted.union(thinning.givenUp(most: PackPlan.mostPacks)))
        }
        if !apart.isEmpty { order(by: earlier) }
    }

    /// A model that is pushed again is then listed as before, and nothing is sent.
    private mutating func order(by earlier: [PackIndex]) {
        var places: [Digest: Int] = [:]
        for pack in earlier.lazy.flatMap(\.packs) where places[pack.digest] == nil {
            places[pack.digest] = places.count
        }
        reused.sort { places[$0.digest] ?? 0 < places[$1.digest] ?? 0 }
    }

    /// The layer's member, and its base's where it has one.
    private static func find(
        _ layer: Layer, in earlier: [PackIndex], without unwanted: Set<Digest>, _ besides: LayerList
    ) -> [Taken]? {
        func taken(_ index: PackIndex, _ member: PackIndex.Member) -> Taken {
            Taken(pack: index.packs[member.pack], member: member)
        }
        var delta: [Taken]?
        for index in earlier {
            guard let member = index[layer.digest], member.layer.size == layer.size,
                !unwanted.contains(index.packs[member.pack].digest)
            else { continue }
            guard let base = member.base, !besides.contains(Layer(digest: base, size: layer.size)) else {
                return [taken(index, member)]
            }
            if delta == nil, let other = index[base], !unwanted.contains(index.packs[other.pack].digest) {
                delta = [taken(index, member), taken(index, other)]
            }
        }
        return delta
    }

    private mutating func lay(
        _ wanted: [Layer], _ found: [Digest: [Taken]], _ others: [Taken], _ apart: Set<Digest>,
        without refused: Set<Digest>
    ) {
        (reused, taken, new) = ([], [], [])
        var packs: Set<Digest> = []
        var placed: Set<Digest> = []
        var missing: [Layer] = []
        var deltas: [[Taken]] = []
        func take(_ all: [Taken], _ plan: inout PackPlan) {
            for one in all where placed.insert(one.member.layer.digest).inserted {
                plan.taken.append(one)
                if packs.insert(one.pack.digest).inserted { plan.reused.append(one.pack) }
            }
        }
        for layer in wanted {
            if let all = found[layer.digest], all.allSatisfy({ !refused.contains($0.pack.digest) }) {
                if all.count == 1 { take(all, &self) } else { deltas.append(all) }
            } else {
                missing.append(layer)
            }
        }
        // After the plain layers: a base among them is not taken twice.
        for all in deltas { take(all, &self) }
        for one in others where !refused.contains(one.pack.digest) { take([one], &self) }
        missing.removeAll { placed.contains($0.digest) }
        new = PackPlan.packs(of: missing.filter { !apart.contains($0.digest) }, packBits)
        new += PackPlan.packs(of: missing.filter { apart.contains($0.digest) }, packBits)
    }

    /// A layer as large as a pack is a pack of its own and can be mounted alone; the others fill packs in file order.
    static func packs(of missing: some Sequence<Layer>, _ packBits: UInt8) -> [[Layer]] {
        let limit: UInt64 = 1 << UInt64(packBits)
        var packs: [[Layer]] = []
        var open: [Layer] = []
        var room = limit
        for layer in missing {
            if layer.size >= limit {
                packs.append([layer])
                continue
            }
            if layer.size > room {
                packs.append(open)
                (open, room) = ([], limit)
            }
            open.append(layer)
            room -= layer.size
        }
        if !open.isEmpty { packs.append(open) }
        return packs
    }
}
