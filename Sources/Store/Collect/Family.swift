internal import Codec
internal import Model
internal import Platform

/// Layers of one size that are deltas of each other, or may be: one tensor as several models have it.
struct Family: Sendable {
    struct Member: Sendable {
        let layer: Layer
        let kind: Tensor.Kind?
        /// What it takes on the disk.
        let room: UInt64
    }

    private(set) var members: [Member] = []
    private(set) var roles: [FamilyPlan.Member] = []
    /// All are deltas of a layer that is none of them, and that is to go.
    private let losesBase: Bool

    init(losingBase: Bool = false) { losesBase = losingBase }

    func isPlain(_ member: Int) -> Bool { !losesBase && roles[member].base == nil }

    mutating func add(_ member: Member, _ role: FamilyPlan.Member) {
        members.append(member)
        roles.append(role)
    }

    /// So many deltas of each base, those nearest to it, are looked at as bases themselves: the true base is among the
    /// nearest, since tunes are farther from each other than from what they were made from.
    private static let mostCompared = 16

    /// The best plan that samples of the layers tell; nil when the family is to stay as it is. Most families are told to
    /// stay by the first sample.
    func plan(in store: LocalStore) throws -> [Int?]? {
        guard let first = members.first else { return nil }
        let reader = LayerReader(store)
        var plan = FamilyPlan(roles)
        var compared = Set(roles.indices.filter { roles[$0].base == nil })
        var better: [Int?]?
        for (number, place) in LocalStore.places(in: PlainBytes(first.layer, in: reader)).enumerated() {
            let samples = try members.map { member in
                try Task.checkCancellation()
                return try reader.sample(of: member.layer, piece: place)
            }
            try add(samples, beside: compared, to: &plan, in: store)
            if number == 0 {
                let more = nearest(in: plan)
                try add(samples, beside: more, to: &plan, in: store, countingAlone: false)
                compared.formUnion(more)
            }
            better = plan.better()
            if better == nil { return nil }
        }
        return better
    }

    private func nearest(in plan: FamilyPlan) -> Set<Int> {
        var nearest: Set<Int> = []
        for base in roles.indices where roles[base].base == nil {
            let deltas = roles.indices.filter { roles[$0].base == base && roles[$0].mayBeBase }
            let costs = plan.beside[base] ?? []
            nearest.formUnion(deltas.sorted { (costs[$0], $0) < (costs[$1], $1) }.prefix(Family.mostCompared))
        }
        return nearest
    }

    private func add(
        _ samples: [Chunk], beside others: Set<Int>, to plan: inout FamilyPlan, in store: LocalStore,
        countingAlone: Bool = true
    ) throws(CakeError) {
        let stored = store.storedChunks.take()
        defer { store.storedChunks.giveBack(stored) }
        for other in others where plan.beside[other] == nil {
            plan.beside[other] = Array(repeating: 0, count: members.count)
        }
        for (index, sample) in samples.enumerated() {
            let dtype = members[index].kind?.dtype
            try store.coders.use { coder throws(CakeError) in
                try sample.withBytes { bytes throws(CakeError) in
                    if countingAlone {
                        plan.alone[index] += Double(
                            try Encoding.cost(of: bytes, dtype: dtype, coder: coder, stored: stored))
                    }
                    for other in others where other != index {
                        plan.beside[other]?[index] += Double(
                            try Encoding.cost(
                                of: bytes, dtype: dtype, beside: samples[other], coder: coder, stored: stored))
                    }
                }
            }
        }
    }
}

extension LayerReader {
    /// The beginning of a piece, by which layers are compared.
    fileprivate func sample(of layer: Layer, piece index: Int) throws(CakeError) -> Chunk {
        let chunk = try piece(index, of: layer)
        defer { giveBack(chunk) }
        return chunk.withBytes { Chunk(copying: $0.extracting(first: min($0.count, LocalStore.sampled))) }
    }
}
