internal import Codec

/// Which layers of a family are best stored plain, to be bases, and which of these each other layer is a delta of. A pure
/// answer from what samples of the layers cost, so that a family that was stored by it is found to be right.
struct FamilyPlan {
    struct Member: Sendable {
        /// Whether other layers may become deltas of it.
        var mayBeBase = true
        /// It is plain, and nothing can change that now.
        var staysPlain = false
        /// It may be sent to every client. A delta that may be is no delta of one that may not.
        var isOpen = true
        /// Its model says that it was made from another.
        var isTune = false
        /// The member that it is a delta of now.
        var base: Int?
    }

    let members: [Member]
    /// What each costs plain.
    var alone: [Double]
    /// What each costs beside some of the others.
    var beside: [Int: [Double]] = [:]

    /// What storing a family anew must save. Less is not worth the work, and may be an error of the samples.
    static let worthwhileShare = 0.995
    /// Of two plans that cost the same, the one with fewer tunes among its bases: what comes later is nearer to a base.
    private static let tunePenalty = 1.005
    /// A delta stays with its base unless another costs so much less.
    private static let betterBaseShare = 0.99

    init(_ members: [Member]) {
        self.members = members
        alone = Array(repeating: 0, count: members.count)
    }

    /// What each member is a delta of in the best plan that was found. Nil when the family is to stay as it is.
    func better() -> [Int?]? {
        var bases = members.map { $0.base == nil }
        var best = cost(of: bases)
        while let next = moves(from: bases).map({ (bases: $0, cost: cost(of: $0)) }).min(by: { $0.cost < $1.cost }),
            next.cost < best * 0.9999
        {
            (bases, best) = next
        }
        let plan = assignment(to: bases)
        return total(plan) < total(members.map(\.base)) * FamilyPlan.worthwhileShare ? plan : nil
    }

    /// One base more, one less, or another in the place of one.
    private func moves(from bases: [Bool]) -> [[Bool]] {
        let more = beside.keys.sorted().filter { !bases[$0] && members[$0].mayBeBase }
        let less = members.indices.filter { bases[$0] && !members[$0].staysPlain }
        func changed(_ places: Int...) -> [Bool] {
            var changed = bases
            for place in places { changed[place].toggle() }
            return changed
        }
        return more.map { changed($0) } + less.map { changed($0) }
            + less.flatMap { old in more.map { changed(old, $0) } }
    }

    private func isUsable(_ base: Int, for member: Int) -> Bool {
        guard base != member, let costs = beside[base] else { return false }
        if members[member].base == base { return true }
        return members[base].mayBeBase && (members[base].isOpen || !members[member].isOpen)
            && costs[member] < alone[member] * Encoding.worthBaseShare
    }

    private func assignment(to bases: [Bool]) -> [Int?] {
        members.indices.map { member in
            guard !bases[member] else { return nil }
            func cost(_ base: Int) -> Double { beside[base]?[member] ?? .infinity }
            let usable = bases.indices.filter { bases[$0] && isUsable($0, for: member) }
            guard let nearest = usable.min(by: { cost($0) < cost($1) }) else { return nil }
            if let now = members[member].base, usable.contains(now),
                cost(nearest) > cost(now) * FamilyPlan.betterBaseShare
            {
                return now
            }
            return nearest
        }
    }

    private func cost(of bases: [Bool]) -> Double {
        let plan = assignment(to: bases)
        return plan.indices.reduce(total(plan)) { sum, member in
            let isPenalized = plan[member] == nil && members[member].isTune
            return isPenalized ? sum + alone[member] * (FamilyPlan.tunePenalty - 1) : sum
        }
    }

    private func total(_ plan: [Int?]) -> Double {
        plan.indices.reduce(0) { sum, member in
            sum + (plan[member].map { beside[$0]?[member] ?? .infinity } ?? alone[member])
        }
    }
}
