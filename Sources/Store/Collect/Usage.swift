public import Model
internal import Platform

/// What each model takes, and what it shares.
public struct Usage: Sendable {
    public struct Model: Sendable {
        public internal(set) var named: LocalStore.Named
        public let files: Int
        public let tensors: Int
        public let parameters: UInt64
        /// Of its files.
        public let size: UInt64
        /// Of its layers in the store, and of those that some of them are deltas of.
        public let atRest: UInt64
        /// What its layers would take more if none were a delta, by what their bases take.
        public let spared: UInt64
        /// Of these, what no other name leads to: removing it would free so much.
        public let alone: UInt64
        public var shared: UInt64 { atRest - alone }
    }

    public private(set) var models: [Model]
    /// The bytes that the models' folders would take, each in full.
    public let size: UInt64
    /// Each layer once, plain.
    public let distinct: UInt64
    /// Of these, what lies in stores below.
    public let below: UInt64
    /// What all of them take at rest.
    public let atRest: UInt64
    /// What deltas took off, by what their bases take: tensors of a family compress alike.
    public let spared: UInt64
    /// Of what is at rest, layers that no model has any more and that others are deltas of.
    public let bases: UInt64
    /// What a collection keeps besides, for versions that names left a short time ago.
    public let replaced: UInt64
    public let layers: Int
    /// Names whose manifest cannot be read, and why.
    public let damaged: [(named: LocalStore.Named, error: CakeError)]

    /// Reads every manifest that has a name.
    public init(of store: LocalStore) throws(CakeError) {
        let names = try store.names()
        var manifests: [Digest: Totals] = [:]
        for named in names { manifests[named.record.manifest, default: Totals()].names += 1 }
        let objects = try Objects(of: store)
        var owners: [Digest: Owner] = [:]
        var distinct: UInt64 = 0
        var spared: UInt64 = 0
        var below: UInt64 = 0
        var failures: [Digest: CakeError] = [:]
        let counts = TensorCounts(of: store)
        for (number, digest) in manifests.keys.sorted().enumerated() {
            let manifest: Manifest
            do {
                manifest = try store.manifest(digest)
            } catch {
                failures[digest] = error
                continue
            }
            var totals = Totals(names: manifests[digest]?.names ?? 0)
            totals.files = manifest.files.count
            totals.size = manifest.size
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
                    if isNew, object.length == 0, !store.lower.isEmpty, try store.contains(layer) {
                        below += layer.size
                    }
                    /// Counts a layer for this model, once.
                    func count(_ layer: Digest, _ atRest: UInt64, isNamed: Bool) {
                        let owner = owners[layer]
                        if owner?.lastSeen != number { totals.atRest += atRest }
                        owners[layer] = Owner(
                            atRest: atRest, only: owner == nil || owner?.only == digest ? digest : nil,
                            lastSeen: number, isNamed: isNamed || owner?.isNamed == true)
                    }
                    count(layer.digest, object.length, isNamed: true)
                    if let base = object.base {
                        let other = try objects.object(of: Layer(digest: base, size: layer.size)).length
                        let gain = other - min(other, object.length)
                        totals.spared += gain
                        if isNew { spared += gain }
                        count(base, other, isNamed: false)
                    }
                }
            }
            manifests[digest] = totals
        }
        replaced = try Usage.atRest(Usage.replacedLayers(of: store, names), in: objects) { owners[$0] != nil }
        counts.save()
        var (total, bases) = (UInt64(0), UInt64(0))
        for owner in owners.values {
            total += owner.atRest
            if !owner.isNamed { bases += owner.atRest }
            if let only = owner.only { manifests[only]?.alone += owner.atRest }
        }
        self.distinct = distinct
        self.spared = spared
        self.below = below
        atRest = total
        self.bases = bases
        layers = owners.values.count { $0.isNamed }
        models = names.compactMap { named in
            guard failures[named.record.manifest] == nil, let totals = manifests[named.record.manifest] else {
                return nil
            }
            return Model(
                named: named, files: totals.files, tensors: totals.tensors, parameters: totals.parameters,
                size: totals.size,
                atRest: totals.atRest, spared: totals.spared, alone: totals.names == 1 ? totals.alone : 0)
        }
        size = models.reduce(0) { $0 + $1.size }
        damaged = names.compactMap { named in failures[named.record.manifest].map { (named, $0) } }
    }

    /// Takes in the models of a store below whose names are not here. What they take is not this store's.
    public mutating func add(_ other: Usage, from place: String) {
        let known = Set((models.map(\.named) + damaged.map(\.named)).map(\.name))
        for var model in other.models where !known.contains(model.named.name) {
            model.named.place = place
            models.append(model)
        }
    }

    private static func replacedLayers(of store: LocalStore, _ names: [LocalStore.Named]) -> [Layer] {
        store.readableLayers(of: store.replacedManifests(since: LocalStore.graceBegin, names))
    }

    /// What objects and their bases take, each once, without those that are known.
    private static func atRest(
        _ layers: [Layer], in objects: Objects, except isKnown: (Digest) -> Bool
    ) throws(CakeError) -> UInt64 {
        var total: UInt64 = 0
        var seen: Set<Digest> = []
        for layer in layers where !isKnown(layer.digest) && seen.insert(layer.digest).inserted {
            let object = try objects.object(of: layer)
            total += object.length
            guard let base = object.base, !isKnown(base), seen.insert(base).inserted else { continue }
            total += try objects.object(of: Layer(digest: base, size: layer.size)).length
        }
        return total
    }

    private struct Totals {
        var names = 0
        var files = 0
        var tensors = 0
        var parameters: UInt64 = 0
        var size: UInt64 = 0
        var atRest: UInt64 = 0
        var spared: UInt64 = 0
        var alone: UInt64 = 0
    }

    /// What objects take, and what they are deltas of. All at once: to seek each layer in each file of the index would take
    /// longer than everything else.
    private struct Objects {
        private let store: LocalStore
        private var known: [Digest: (length: UInt64, base: Digest?)] = [:]
        /// Of these the index has more than one opinion: they were encoded anew.
        private var doubtful: Set<Digest> = []

        init(of store: LocalStore) throws(CakeError) {
            self.store = store
            var known: [Digest: (length: UInt64, base: Digest?)] = [:]
            var doubtful: Set<Digest> = []
            store.catalog.forEach { record in
                if let other = known[record.layer.digest], other != (record.storedLength, record.base) {
                    doubtful.insert(record.layer.digest)
                }
                known[record.layer.digest] = (record.storedLength, record.base)
            }
            self.known = known
            self.doubtful = doubtful
        }

        /// Of no length where it is missing.
        func object(of layer: Layer) throws(CakeError) -> (length: UInt64, base: Digest?) {
            if layer.digest == .empty { return (0, nil) }
            if let found = known[layer.digest], !doubtful.contains(layer.digest) { return found }
            if let found = try store.find(layer) { return (found.location.length, found.base) }
            return (try store.bytesOnDisk(of: layer), nil)
        }
    }

    private struct Owner {
        let atRest: UInt64
        /// The one manifest that has the layer; nil when several do.
        let only: Digest?
        /// The number of the last manifest that named it: a layer counts once in each.
        let lastSeen: Int
        /// Whether a model has it, or it is only the base of what models have.
        let isNamed: Bool
    }
}

extension LocalStore {
    /// What the object of a layer takes that the index does not know; 0 for one that is missing.
    fileprivate func bytesOnDisk(of layer: Layer) throws(CakeError) -> UInt64 {
        if layer.digest == .empty { return 0 }
        return try Disk.status(layout.object(layer.digest))?.size ?? 0
    }

    /// What the folder of the store holds besides the layers that names lead to.
    public struct Remains: Sendable {
        /// Objects and packs, needed or not.
        public let objects: UInt64
        public let damaged: UInt64
        /// The same of the registry.
        public let registryDamaged: UInt64
        /// What commands have begun and not finished, whether they still run or were killed.
        public let unfinished: UInt64
        public let free: UInt64
    }

    public func remains() throws(CakeError) -> Remains {
        var objects: UInt64 = 0
        for shard in Layout.shards { objects += try total(in: layout.shard(shard)) }
        objects += try total(in: layout.packs)
        var unfinished = DiskRoom()
        try unfinished.add(tree: layout.incoming)
        return Remains(
            objects: objects, damaged: try damagedBytes(), registryDamaged: try registryDamagedBytes(),
            unfinished: unfinished.bytes, free: try Disk.freeBytes(layout.root))
    }

    /// What verification set aside. No command reads or removes it.
    public func damagedBytes() throws(CakeError) -> UInt64 { try total(in: layout.damaged) }

    public func registryDamagedBytes() throws(CakeError) -> UInt64 {
        try Disk.exists(layout.registryDamaged) ? total(in: layout.registryDamaged) : 0
    }

    private func total(in folder: String) throws(CakeError) -> UInt64 {
        var total: UInt64 = 0
        for name in try Disk.names(in: folder) {
            if let status = try Disk.status(folder + "/" + name, followingLinks: false) { total += status.size }
        }
        return total
    }
}
