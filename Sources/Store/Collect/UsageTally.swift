internal import Model

/// Counts what manifests take at rest, each layer and base once.
struct UsageTally {
    struct Totals {
        var files = 0
        var tensors = 0
        var parameters: UInt64 = 0
        var size: UInt64 = 0
        var atRest: UInt64 = 0
        var spared: UInt64 = 0
        var alone: UInt64 = 0
    }

    private let store: LocalStore
    private let counts: TensorCounts
    private(set) var table: UsageTable
    private(set) var distinct: UInt64 = 0
    private(set) var spared: UInt64 = 0
    private(set) var below: UInt64 = 0

    init(of store: LocalStore, with table: UsageTable) {
        self.store = store
        self.table = table
        counts = TensorCounts(of: store)
    }

    /// Keeps what was counted of files that are not cut at their tensors.
    func save() { counts.save() }

    /// Manifests have numbers of their own.
    mutating func add(_ digest: Digest, _ outline: ManifestOutline, number: Int) throws(CakeError) -> Totals {
        var totals = Totals(
            files: outline.files, tensors: outline.tensors, parameters: outline.parameters, size: outline.size)
        if outline.mayHaveCounts, let manifest = try? store.manifest(digest), let count = counts.count(of: manifest) {
            totals.tensors += count.tensors
            totals.parameters &+= count.parameters
        }
        for (layer, place) in zip(outline.layers, try table.places(of: outline.layers)) {
            if table.isNamed(place, by: number) { continue }
            let isNew = !table.entries[place].isNamed
            let room = table.entries[place].room
            if isNew {
                distinct += layer.size
                if room == 0, !store.lower.isEmpty, try store.contains(layer) { below += layer.size }
            }
            totals.atRest += table.count(place, for: number, isNamed: true)
            guard let base = try table.base(of: place, size: layer.size) else { continue }
            let other = table.entries[base].room
            let gain = other - min(other, room)
            totals.spared += gain
            if isNew { spared += gain }
            totals.atRest += table.count(base, for: number, isNamed: false)
        }
        return totals
    }

    /// What objects and their bases take, each once, without those that were counted.
    mutating func atRest(_ layers: [Layer]) throws(CakeError) -> UInt64 { try table.atRest(layers) }
}
