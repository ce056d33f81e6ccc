public import Model
internal import Platform

/// What each model takes, and what it shares.
public struct Usage: Sendable {
    public struct Model: Sendable {
        public let named: LocalStore.Named
        public let files: Int
        public let tensors: Int
        public let parameters: UInt64
        /// Of its files.
        public let size: UInt64
        /// Of its layers in the store.
        public let atRest: UInt64
        /// Of these, what no other name leads to: removing it would free so much.
        public let alone: UInt64
        public var shared: UInt64 { atRest - alone }
    }

    public let models: [Model]
    /// The bytes that the models' folders would take, each in full.
    public let size: UInt64
    /// Each layer once, plain.
    public let distinct: UInt64
    /// What all of them take at rest.
    public let atRest: UInt64
    public let layers: Int
    /// Names whose manifest cannot be read, and why.
    public let damaged: [(named: LocalStore.Named, error: CakeError)]

    /// Reads every manifest that has a name.
    public init(of store: LocalStore) throws(CakeError) {
        let names = try store.names()
        var manifests: [Digest: Totals] = [:]
        for named in names { manifests[named.record.manifest, default: Totals()].names += 1 }
        // All at once: to seek each layer in each file of the index would take longer than everything else.
        var lengths: [Digest: UInt64] = [:]
        store.catalog.forEach { lengths[$0.layer.digest] = $0.storedLength }
        var owners: [Digest: Owner] = [:]
        var distinct: UInt64 = 0
        var failures: [Digest: CakeError] = [:]
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
            for file in manifest.files {
                for segment in file.segments {
                    if let tensor = segment.tensor {
                        totals.tensors += 1
                        totals.parameters &+= tensor.elements ?? 0
                    }
                    let layer = segment.layer
                    if owners[layer.digest]?.lastSeen == number { continue }
                    if let owner = owners[layer.digest] {
                        totals.atRest += owner.atRest
                        owners[layer.digest] = Owner(atRest: owner.atRest, only: nil, lastSeen: number)
                    } else {
                        let atRest: UInt64
                        if let known = lengths[layer.digest] {
                            atRest = known
                        } else {
                            atRest = try store.bytesOnDisk(of: layer)
                        }
                        totals.atRest += atRest
                        distinct += layer.size
                        owners[layer.digest] = Owner(atRest: atRest, only: digest, lastSeen: number)
                    }
                }
            }
            manifests[digest] = totals
        }
        var total: UInt64 = 0
        for owner in owners.values {
            total += owner.atRest
            if let only = owner.only { manifests[only]?.alone += owner.atRest }
        }
        self.distinct = distinct
        atRest = total
        layers = owners.count
        models = names.compactMap { named in
            guard failures[named.record.manifest] == nil, let totals = manifests[named.record.manifest] else {
                return nil
            }
            return Model(
                named: named, files: totals.files, tensors: totals.tensors, parameters: totals.parameters,
                size: totals.size,
                atRest: totals.atRest, alone: totals.names == 1 ? totals.alone : 0)
        }
        size = models.reduce(0) { $0 + $1.size }
        damaged = names.compactMap { named in failures[named.record.manifest].map { (named, $0) } }
    }

    private struct Totals {
        var names = 0
        var files = 0
        var tensors = 0
        var parameters: UInt64 = 0
        var size: UInt64 = 0
        var atRest: UInt64 = 0
        var alone: UInt64 = 0
    }

    private struct Owner {
        let atRest: UInt64
        /// The one manifest that has the layer; nil when several do.
        let only: Digest?
        /// The number of the last manifest that named it: a layer counts once in each.
        let lastSeen: Int
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
        public let free: UInt64
    }

    public func remains() throws(CakeError) -> Remains {
        var objects: UInt64 = 0
        for shard in Layout.shards { objects += try total(in: layout.shard(shard)) }
        objects += try total(in: layout.packs)
        return Remains(objects: objects, damaged: try total(in: layout.damaged), free: try Disk.freeBytes(layout.root))
    }

    private func total(in folder: String) throws(CakeError) -> UInt64 {
        var total: UInt64 = 0
        for name in try Disk.names(in: folder) {
            if let status = try Disk.status(folder + "/" + name, followingLinks: false) { total += status.size }
        }
        return total
    }
}
