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
        var table = try UsageTable(of: store)
        var distinct: UInt64 = 0
        var spared: UInt64 = 0
        var below: UInt64 = 0
        var failures: [Digest: CakeError] = [:]
        let counts = TensorCounts(of: store)
        let digests = manifests.keys.sorted()
        for (number, digest) in digests.enumerated() {
            let outline: ManifestOutline
            do {
                outline = try store.outline(of: digest)
            } catch {
                failures[digest] = error
                continue
            }
            var totals = Totals(names: manifests[digest]?.names ?? 0)
            totals.files = outline.files
            totals.size = outline.size
            totals.tensors = outline.tensors
            totals.parameters = outline.parameters
            if outline.mayHaveCounts, let manifest = try? store.manifest(digest),
                let count = counts.count(of: manifest)
            {
                totals.tensors += count.tensors
                totals.parameters &+= count.parameters
            }
            for layer in outline.layers {
                let place = try table.place(of: layer)
                if table.isNamed(place, by: number) { continue }
                let isNew = !table.entries[place].isNamed
                let length = table.entries[place].length
                if isNew {
                    distinct += layer.size
                    if length == 0, !store.lower.isEmpty, try store.contains(layer) { below += layer.size }
                }
                totals.atRest += table.count(place, for: number, isNamed: true)
                if let base = try table.base(of: place, size: layer.size) {
                    let other = table.entries[base].length
                    let gain = other - min(other, length)
                    totals.spared += gain
                    if isNew { spared += gain }
                    totals.atRest += table.count(base, for: number, isNamed: false)
                }
            }
            manifests[digest] = totals
        }
        replaced = try table.atRest(Usage.replacedLayers(of: store, names))
        counts.save()
        var (total, bases, layers) = (UInt64(0), UInt64(0), 0)
        for entry in table.entries where entry.isCounted {
            total += entry.length
            if entry.isNamed { layers += 1 } else { bases += entry.length }
            if let only = entry.onlyModel { manifests[digests[only]]?.alone += entry.length }
        }
        self.layers = layers
        self.distinct = distinct
        self.spared = spared
        self.below = below
        atRest = total
        self.bases = bases
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
}

extension LocalStore {
    /// What the object of a layer takes that the index does not know; 0 for one that is missing.
    func bytesOnDisk(of layer: Layer) throws(CakeError) -> UInt64 {
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
