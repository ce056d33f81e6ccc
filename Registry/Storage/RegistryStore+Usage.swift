public import Model
internal import Platform
internal import Store

/// What a registry takes on the disk, and what it shares with the store's models.
public struct RegistryUsage: Sendable {
    public var blobs = 0
    /// Of the store's models: their bytes are those of objects.
    public var packs = 0
    /// Of blobs, uploads, and objects that only packs keep: whole blocks.
    public var bytes: UInt64 = 0
    /// Of packs, bytes that the store has for its models as well.
    public var sharedBytes: UInt64 = 0

    public init() {}
}

extension RegistryStore {
    public func usage() throws(CakeError) -> RegistryUsage {
        var (usage, room) = (RegistryUsage(), DiskRoom())
        for shard in try storage.names(in: keys.blobs) {
            for name in try storage.names(in: keys.blobs + "/" + shard) {
                usage.blobs += 1
                try room.add(layout.blobs + "/" + shard + "/" + name)
            }
        }
        for upload in try storage.names(in: keys.uploads) {
            try room.add(layout.uploads + "/" + upload + "/" + Upload.data)
        }
        var own: Set<String> = []
        for name in try storage.names(in: keys.held) {
            // A file with another name is the store's.
            guard let status = try Disk.status(layout.held + "/" + name), status.names == 1 else { continue }
            own.insert(name)
            room.add(status)
        }
        usage.bytes = room.bytes
        var seen: Set<HeldPack.Object> = []
        for name in try storage.names(in: keys.packs) {
            guard let digest = Digest(hex: name) else { continue }
            usage.packs += 1
            // One that cannot be read is found by verification.
            guard let pack = (try? heldPack(digest)) ?? nil else { continue }
            for object in pack.objects where !own.contains(object.fileName) && seen.insert(object).inserted {
                usage.sharedBytes += object.length
            }
        }
        return usage
    }
}
