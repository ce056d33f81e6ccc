internal import Model
internal import Platform

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

    struct Owner {
        let atRest: UInt64
        /// The one manifest that has the layer; nil when several do.
        let only: Digest?
        /// The number of the last manifest that named it: a layer counts once in each.
        let lastSeen: Int
        /// Whether a model has it, or it is only the base of what models have.
        let isNamed: Bool
    }

    private let store: LocalStore
    private let objects: Objects
    private let counts: TensorCounts
    private(set) var owners: [Digest: Owner] = [:]
    private(set) var distinct: UInt64 = 0
    private(set) var spared: UInt64 = 0
    private(set) var below: UInt64 = 0

    init(of store: LocalStore) throws(CakeError) {
        self.store = store
        objects = try Objects(of: store)
        counts = TensorCounts(of: store)
    }

    /// Keeps what was counted of files that are not cut at their tensors.
    func save() { counts.save() }

    mutating func add(_ manifest: Manifest, _ digest: Digest, number: Int) throws(CakeError) -> Totals {
        var totals = Totals(files: manifest.files.count, size: manifest.size)
        if let count = counts.count(of: manifest) {
            totals.tensors = count.tensors
            totals.parameters = count.parameters
        }
        for file in manifest.files {
            for segment in file.segments {
                if let tensor = segment.tensor {
                    totals.tensors += 1
                    totals.parameters &+= tensor.elements ?? 0
                }
                let layer = segment.layer
                if let owner = owners[layer.digest], owner.lastSeen == number, owner.isNamed { continue }
                let isNew = owners[layer.digest]?.isNamed != true
                if isNew { distinct += layer.size }
                let object = try objects.object(of: layer)
                if isNew, object.room == 0, !store.lower.isEmpty, try store.contains(layer) {
                    below += layer.size
                }
                count(layer.digest, object.room, isNamed: true, of: digest, number, &totals)
                if let base = object.base {
                    let other = try objects.object(of: Layer(digest: base, size: layer.size)).room
                    let gain = other - min(other, object.room)
                    totals.spared += gain
                    if isNew { spared += gain }
                    count(base, other, isNamed: false, of: digest, number, &totals)
                }
            }
        }
        return totals
    }

    /// Counts a layer for this model, once.
    private mutating func count(
        _ layer: Digest, _ atRest: UInt64, isNamed: Bool, of digest: Digest, _ number: Int, _ totals: inout Totals
    ) {
        let owner = owners[layer]
        if owner?.lastSeen != number { totals.atRest += atRest }
        owners[layer] = Owner(
            atRest: atRest, only: owner == nil || owner?.only == digest ? digest : nil, lastSeen: number,
            isNamed: isNamed || owner?.isNamed == true)
    }

    /// What objects and their bases take, each once, without those that were counted.
    func atRest(_ layers: [Layer]) throws(CakeError) -> UInt64 {
        var total: UInt64 = 0
        var seen: Set<Digest> = []
        for layer in layers where owners[layer.digest] == nil && seen.insert(layer.digest).inserted {
            let object = try objects.object(of: layer)
            total += object.room
            guard let base = object.base, owners[base] == nil, seen.insert(base).inserted else { continue }
            total += try objects.object(of: Layer(digest: base, size: layer.size)).room
        }
        return total
    }
}

/// What objects take on the disk, and what they are deltas of. All at once: to seek each layer in each file of the index
/// would take longer than everything else.
private struct Objects {
    private let store: LocalStore
    private var known: [Digest: (room: UInt64, base: Digest?)] = [:]
    /// Of these the index has more than one opinion: they were encoded anew.
    private var doubtful: Set<Digest> = []

    init(of store: LocalStore) throws(CakeError) {
        self.store = store
        var known: [Digest: (room: UInt64, base: Digest?)] = [:]
        var doubtful: Set<Digest> = []
        store.catalog.forEach { record in
            let found = (record.room, record.base)
            if let other = known[record.layer.digest], other != found { doubtful.insert(record.layer.digest) }
            known[record.layer.digest] = found
        }
        self.known = known
        self.doubtful = doubtful
    }

    /// Of no length where it is missing.
    func object(of layer: Layer) throws(CakeError) -> (room: UInt64, base: Digest?) {
        if layer.digest == .empty { return (0, nil) }
        if let found = known[layer.digest], !doubtful.contains(layer.digest) { return found }
        if let found = try store.find(layer) { return (found.location.room, found.base) }
        // The index does not know it.
        return (try Disk.status(store.layout.object(layer.digest))?.allocated ?? 0, nil)
    }
}

extension IndexRecord {
    /// What its object takes on the disk.
    fileprivate var room: UInt64 {
        switch place {
        case .alone: DiskRoom.blocks(storedLength)
        case .pack: storedLength
        }
    }
}
