/// Writes the index of a model as its packs are made: first the packs that are there, then each new one.
public struct PackBuilder: Sendable {
    private var packs: [PackIndex.Pack]
    private var numbers: [Digest: Int] = [:]
    private var members: [PackIndex.Member]

    public init(_ plan: PackPlan) {
        packs = plan.reused
        for (number, pack) in packs.enumerated() { numbers[pack.digest] = number }
        members = plan.taken.compactMap { [numbers] taken in
            numbers[taken.pack.digest].map { taken.member.moved(to: $0) }
        }
    }

    /// The members' own numbers mean nothing here. A pack with the bytes of another is that one.
    public mutating func add(_ pack: PackIndex.Pack, _ made: [PackIndex.Member]) {
        let number = numbers[pack.digest] ?? packs.count
        if number == packs.count {
            packs.append(pack)
            numbers[pack.digest] = number
        }
        members += made.map { $0.moved(to: number) }
    }

    /// `besides` are bases that the reader has.
    public func index(besides: LayerList = .none) throws(CakeError) -> PackIndex {
        try PackIndex(packs: packs, members: members, besides: besides)
    }
}

extension PackIndex.Member {
    public func moved(to pack: Int) -> PackIndex.Member {
        PackIndex.Member(
            layer: layer, stored: stored, length: length, offset: offset, pack: pack, transform: transform, base: base)
    }
}

extension PackPlan {
    /// The model's own packs, then those of bases that none of them has.
    public init(_ layers: [Layer], completedBy bases: [Layer], earlier: [PackIndex]) {
        self.init(layers, earlier: earlier)
        let placed = Set(taken.map(\.member.layer.digest)).union(new.joined().map(\.digest))
        let others = PackPlan(bases.filter { !placed.contains($0.digest) }, earlier: earlier)
        let known = Set(reused.map(\.digest))
        reused += others.reused.filter { !known.contains($0.digest) }
        taken += others.taken.filter { !placed.contains($0.member.layer.digest) }
        new += others.new
    }

    /// Deltas whose base no pack has as a plain layer. `base` gives the base of a layer in a new pack.
    public func deltasWithoutBase(_ base: (Digest) -> Digest?) -> Set<Digest> {
        let layers =
            taken.map { ($0.member.layer.digest, $0.member.base) } + new.joined().map { ($0.digest, base($0.digest)) }
        let whole = Set(layers.lazy.filter { $0.1 == nil }.map(\.0))
        return Set(layers.lazy.filter { _, base in base.map { !whole.contains($0) } ?? false }.map(\.0))
    }
}

extension Sequence<Layer> {
    /// The bases of these layers, each once. A base is as large as its delta.
    public func bases(_ base: (Digest) -> Digest?) -> [Layer] {
        var seen: Set<Digest> = []
        return compactMap { layer in
            guard let base = base(layer.digest), seen.insert(base).inserted else { return nil }
            return Layer(digest: base, size: layer.size)
        }
    }
}
