package import Model
internal import Platform

/// Finds families of layers that take less around other bases, and stores them anew. A base that was stored after its
/// tunes is a delta of one of them until then.
package struct Regrouping {
    package struct Gain: Sendable {
        /// Families that were stored anew.
        package var families = 0
        package var before: UInt64 = 0
        package var after: UInt64 = 0
    }

    private struct Known {
        let kind: Tensor.Kind?
        var isOpen: Bool
        var isTune: Bool
    }

    private let store: LocalStore
    private let operation: Operation
    private let isDryRun: Bool
    private let deltas: [Digest: Set<Digest>]
    private var known: [Digest: Known] = [:]
    private var seen: Set<Digest> = []
    private var batch = RegroupedBatch()

    package private(set) var gain = Gain()
    /// Members of the families that were stored anew: whether each was itself.
    package private(set) var settled: [Digest: Bool] = [:]

    /// So many come together. A base comes with all its deltas or not at all.
    private static let mostMembers = (together: 64, ofOne: 256)

    package init(_ store: LocalStore, isDryRun: Bool) throws(CakeError) {
        (self.store, self.isDryRun) = (store, isDryRun)
        operation = try Operation(store)
        if !isDryRun { try Regrouping.dropSpareCopies(of: store, in: operation) }
        deltas = try BaseUses(of: store).deltas
    }

    /// A run that was killed between two steps leaves layers in two packs. A base stays one as long as a copy of its delta is
    /// there.
    private static func dropSpareCopies(of store: LocalStore, in operation: Operation) throws(CakeError) {
        try store.withSweepLock { () throws(CakeError) in
            let spare = try PackMembers.spareCopies(among: PackMembers.all(of: store), in: store)
            if !spare.isEmpty { try PackMembers.drop(spare, from: store, in: operation) }
        }
    }

    /// A model that has a name. Only layers of such models become bases.
    package mutating func note(_ manifest: Manifest, isOpen: Bool, isTune: Bool) {
        for segment in manifest.segments {
            guard let tensor = segment.tensor, segment.layer.size > 0 else { continue }
            let before = known[segment.layer.digest]
            known[segment.layer.digest] = Known(
                kind: tensor.kind, isOpen: isOpen || before?.isOpen == true, isTune: isTune && before?.isTune != false)
        }
    }

    package func hasSeen(_ layer: Layer) -> Bool { seen.contains(layer.digest) }

    /// Looks at a layer's family: the layer, those that are alike, what these are deltas of, and all deltas of that.
    package mutating func look(at layer: Layer, among alike: [Layer]) async throws {
        do {
            let family = try family(of: layer, among: alike)
            seen.formUnion(family.members.lazy.map(\.layer.digest))
            seen.insert(layer.digest)
            guard family.members.count > 1, let plan = try family.plan(in: store) else { return }
            try await regroup(family, by: plan)
        } catch let error as CakeError where error.kind == .damaged || error.kind == .notFound {
            // As long as something cannot be read, all of it stays.
        }
        if batch.isFull { try publish() }
    }

    /// Puts what was stored anew in its place. A base is there before its deltas, and becomes a delta behind them.
    package mutating func publish() throws(CakeError) {
        try batch.publish(in: operation)
        batch = RegroupedBatch()
    }

    private func family(of layer: Layer, among alike: [Layer]) throws(CakeError) -> Family {
        var family = Family()
        var bases: Set<Digest> = []
        for one in [layer] + alike where one.size == layer.size && !seen.contains(one.digest) {
            guard let found = try store.find(one) else { continue }
            let base = Layer(digest: found.base ?? one.digest, size: one.size)
            guard bases.insert(base.digest).inserted else { continue }
            let deltas = (deltas[base.digest] ?? []).sorted()
            let most = family.members.isEmpty ? Regrouping.mostMembers.ofOne : Regrouping.mostMembers.together
            guard family.members.count + 1 + deltas.count <= most, !seen.contains(base.digest),
                seen.isDisjoint(with: deltas), let room = try store.locate(base)?.room
            else { continue }
            let place = family.members.count
            var isHeld = false
            var members: [(Family.Member, FamilyPlan.Member)] = []
            for delta in deltas {
                let other = Layer(digest: delta, size: layer.size)
                guard let found = try store.find(other), found.base == base.digest else {
                    // A copy of it may be read beside the base all the same.
                    isHeld = true
                    continue
                }
                members.append(member(other, found.location.room, base: place, kind: known[base.digest]?.kind))
            }
            var first = member(base, room, base: nil, kind: members.first?.0.kind)
            first.1.staysPlain = isHeld || !first.1.mayBeBase
            family.add(first.0, first.1)
            for (member, role) in members { family.add(member, role) }
        }
        return family
    }

    /// `kind` is that of its relatives, for a layer that no model has.
    private func member(
        _ layer: Layer, _ room: UInt64, base: Int?, kind: Tensor.Kind?
    ) -> (Family.Member, FamilyPlan.Member) {
        let facts = known[layer.digest]
        return (
            Family.Member(layer: layer, kind: facts?.kind ?? kind, room: room),
            FamilyPlan.Member(
                mayBeBase: facts != nil, isOpen: facts?.isOpen ?? true, isTune: facts?.isTune ?? false, base: base)
        )
    }

    /// Encodes aside all that changes, and keeps it when it takes less together.
    private mutating func regroup(_ family: Family, by plan: [Int?]) async throws {
        let members = family.members
        let layers = members.map(\.layer)
        guard try operation.hold(layers).isSuperset(of: layers.map(\.digest)) else { return }
        let changed = members.indices.filter { plan[$0] != family.roles[$0].base }
        var made = RegroupedBatch()
        let saved = try await made.encode(family, by: plan, changed, in: store, operation)
        guard saved.after < saved.before else { return try made.discard() }
        for (index, member) in members.enumerated() { settled[member.layer.digest] = changed.contains(index) }
        (gain.families, gain.before, gain.after) =
            (gain.families + 1, gain.before + saved.before, gain.after + saved.after)
        if isDryRun { try made.discard() } else { batch.add(made) }
    }
}
