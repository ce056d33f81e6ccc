internal import Model
internal import Platform

/// Objects of families that stand aside, in the order in which they have to become part of the store: at every moment each
/// layer can be read, and no base is a delta.
struct RegroupedBatch {
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

    /// Encodes members of a family aside, as deltas of what the plan says. What was plain and would be plain again stays as it
    /// is. Returns what all others take, and would take.
    mutating func encode(
        _ family: Family, by plan: [Int?], _ changed: [Int], in store: LocalStore, _ operation: Operation
    ) async throws -> (before: UInt64, after: UInt64) {
        var (before, after) = (UInt64(0), UInt64(0))
        var objects: [Int: StoredObject] = [:]
        do {
            // New bases first: the others are made beside them.
            for index in changed.filter({ plan[$0] == nil }) + changed.filter({ plan[$0] != nil }) {
                try Task.checkCancellation()
                let (member, wasPlain) = (family.members[index], family.isPlain(index))
                var beside: StoredObject?
                if let base = plan[index] {
                    beside = try objects[base] ?? store.openBase(family.members[base].layer)
                    objects[base] = beside
                }
                let written = try await store.writeAnew(
                    member.layer, PlainBytes(member.layer, in: LayerReader(store)), member.kind, beside: beside,
                    in: operation)
                if wasPlain, written.base == nil {
                    try written.discard()
                    continue
                }
                if plan[index] == nil { objects[index] = try written.opened(member.layer) }
                add(written, beside: plan[index].map { family.members[$0].layer }, wasPlain: wasPlain)
                (before, after) = (before + member.room, after + written.room)
            }
        } catch {
            try? discard()
            throw error
        }
        return (before, after)
    }

    private mutating func add(_ written: LocalStore.Written, beside base: Layer?, wasPlain: Bool) {
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
