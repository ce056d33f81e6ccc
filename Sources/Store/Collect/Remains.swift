public import Model
internal import Platform

extension LocalStore {
    /// What the folder of the store holds besides the layers that names lead to.
    public struct Remains: Sendable {
        /// Objects and packs, needed or not, as `Usage` counts them.
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
        objects += try total(in: layout.packs) { $0.size }
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

    private func total(
        in folder: String, counting room: (Disk.Status) -> UInt64 = { $0.allocated }
    ) throws(CakeError) -> UInt64 {
        var total: UInt64 = 0
        for name in try Disk.names(in: folder) {
            if let status = try Disk.status(folder + "/" + name, followingLinks: false) { total += room(status) }
        }
        return total
    }
}
