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
                seen.isDisjoint(with: deltas), let length = try store.locate(base)?.length
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
                members.append(member(other, found.location.length, base: place, kind: known[base.digest]?.kind))
            }
            var first = member(base, length, base: nil, kind: members.first?.0.kind)
            first.1.staysPlain = isHeld || !first.1.mayBeBase
            family.add(first.0, first.1)
            for (member, role) in members { family.add(member, role) }
        }
        return family
    }

    /// `kind` is that of its relatives, for a layer that no model has.
    private func member(
        _ layer: Layer, _ length: UInt64, base: Int?, kind: Tensor.Kind?
    ) -> (Family.Member, FamilyPlan.Member) {
        let facts = known[layer.digest]
        return (
            Family.Member(layer: layer, kind: facts?.kind ?? kind, length: length),
            FamilyPlan.Member(
                mayBeBase: facts != nil, isOpen: facts?.isOpen ?? true, isTune: facts?.isTune ?? false, base: base)
        )
    }

    /// Encodes aside all that changes, and keeps it when it takes less together.
    private mutating func regroup(_ family: Family, by plan: [Int?]) async throws {
        let members = family.members
        let layers = members.map(\.layer)
        guard try operation.hold(layers).isSuperset(of: layers.map(\.digest)) else { return }
        var made = RegroupedBatch()
        var (before, after) = (UInt64(0), UInt64(0))
        var bases: [Int: StoredObject] = [:]
        let changed = members.indices.filter { plan[$0] != family.roles[$0].base }
        do {
            // New bases first: the others are made beside them.
            for index in changed.filter({ plan[$0] == nil }) + changed.filter({ plan[$0] != nil }) {
                try Task.checkCancellation()
                let member = members[index]
                var beside: StoredObject?
                if let base = plan[index] { beside = try bases[base] ?? store.openBase(members[base].layer) }
                if let base = plan[index] { bases[base] = beside }
                let written = try await store.writeAnew(
                    member.layer, PlainBytes(member.layer, in: LayerReader(store)), member.kind, beside: beside,
                    in: operation)
                let wasPlain = family.roles[index].base == nil
                if wasPlain, written.base == nil {
                    try written.discard()
                    continue
                }
                if plan[index] == nil { bases[index] = try written.opened(member.layer) }
                made.add(written, beside: plan[index].map { members[$0].layer }, wasPlain: wasPlain)
                (before, after) = (before + member.length, after + written.length)
            }
        } catch {
            try? made.discard()
            throw error
        }
        guard after < before else { return try made.discard() }
        for (index, member) in members.enumerated() { settled[member.layer.digest] = changed.contains(index) }
        (gain.families, gain.before, gain.after) = (gain.families + 1, gain.before + before, gain.after + after)
        if isDryRun { try made.discard() } else { batch.add(made) }
    }
}

/// Objects of families that stand aside, in the order in which they have to become part of the store: at every moment each
/// layer can be read, and no base is a delta.
private struct RegroupedBatch {
    private typealias Delta = (written: LocalStore.Written, base: Layer)

    /// Plain now, and deltas until then.
    private var bases: [LocalStore.Written] = []
    /// Deltas of other bases than before.
    private var moved: [Delta] = []
    /// Deltas that were bases.
    private var demoted: [Delta] = []
    private var bytes: UInt64 = 0
    private var bytesInMemory: UInt64 = 0

    var isFull: Bool { bytes >= 256 << 20 || bytesInMemory >= 32 << 20 }

    mutating func add(_ written: LocalStore.Written, beside base: Layer?, wasPlain: Bool) {
        bytes += written.length
        if case .packed = written { bytesInMemory += written.length }
        guard let base, written.base != nil else { return bases.append(written) }
        if wasPlain { demoted.append((written, base)) } else { moved.append((written, base)) }
    }

    mutating func add(_ other: RegroupedBatch) {
        bases += other.bases
        moved += other.moved
        demoted += other.demoted
        bytes += other.bytes
        bytesInMemory += other.bytesInMemory
    }

    func discard() throws(CakeError) {
        for written in bases + moved.map(\.written) + demoted.map(\.written) { try written.discard() }
    }

    func publish(in operation: Operation) throws(CakeError) {
        guard bytes > 0 else { return }
        for written in bases { try operation.add(written) }
        try operation.publishReencoded()
        var seen: Set<Digest> = []
        let wanted = (moved + demoted).map(\.base).filter { seen.insert($0.digest).inserted }
        var taken: Set<Digest> = []
        for (base, object) in zip(wanted, try operation.take(bases: wanted)) where object != nil {
            taken.insert(base.digest)
        }
        for deltas in [moved, demoted] {
            for delta in deltas {
                // Another command may have made a delta of the base meanwhile: then its deltas stay where they are.
                if taken.contains(delta.base.digest) {
                    try operation.add(delta.written)
                } else {
                    try delta.written.discard()
                }
            }
            try operation.publishReencoded()
        }
    }
}
