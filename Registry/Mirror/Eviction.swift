public import Model
internal import Platform
internal import Storage
public import Store

/// Free space: models that a mirror downloaded are evicted when others need their space.
extension LocalStore {
    /// Removes names of mirrored models, the first of `order` first, until named models take no more than the given
    /// stored bytes; then collects. Keeps pinned models, models that a person pulled or imported, and bases of other
    /// models.
    public func evict(
        to quota: UInt64, first order: ([Named]) -> [Named]
    ) throws(CakeError) -> (names: [ModelName], collected: Collected) {
        var evicted: [ModelName] = []
        while true {
            let usage = try Usage(of: self)
            guard usage.atRest > quota else { break }
            let mirrored = usage.models.map(\.named).filter { $0.record.mark != nil && !$0.record.isPinned }
            let bases = try basesOfOthers(usage.models.map(\.named))
            guard let next = order(mirrored).first(where: { !bases.contains($0.name) }) else { break }
            try remove(next.name, evenIfPinned: false)
            evicted.append(next.name)
        }
        guard !evicted.isEmpty else { return ([], Collected()) }
        // A reader of one of them holds its layers.
        return (evicted, try collect(grace: LocalStore.usualGrace, isDryRun: false, evenIfNothingIsNamed: false))
    }

    /// The models of which some layer is the base of another model's.
    private func basesOfOthers(_ all: [Named]) throws(CakeError) -> Set<ModelName> {
        let deltas = try BaseUses(of: self).deltas
        guard !deltas.isEmpty else { return [] }
        var layers: [(name: ModelName, digests: Set<Digest>)] = []
        for named in all { layers.append((named.name, Set(try manifest(named.record.manifest).layers.map(\.digest)))) }
        var found: Set<ModelName> = []
        for (name, own) in layers {
            let made = own.reduce(into: Set<Digest>()) { $0.formUnion(deltas[$1] ?? []) }.subtracting(own)
            if layers.contains(where: { $0.name != name && !$0.digests.isDisjoint(with: made) }) { found.insert(name) }
        }
        return found
    }

    /// When a name was last used by a reader, as far as that was recorded: seconds since 1970.
    public func lastUse(of name: ModelName) -> Int { (try? Disk.status(path(of: name)))??.modified ?? 0 }

    /// Noted once a minute at most.
    public func noteUse(of name: ModelName) {
        guard isWritable, Machine.now - lastUse(of: name) > 60 else { return }
        // A missing record does no harm.
        try? Disk.touch(path(of: name))
    }
}
