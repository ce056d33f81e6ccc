public import Model
internal import Platform

/// Bytes of a file that one server downloads, for servers that wait for it: parts by their first byte. They are as unproved as any
/// server's. They go when the model is published, or after a day.
extension RegistryStore {
    private func folder(_ lease: String, _ path: FilePath) -> String {
        keys.relayed(lease) + "/" + SHA256.digest(of: Array(path.string.utf8).span).hex
    }

    public func relay(_ bytes: [UInt8], of path: FilePath, at position: UInt64, as lease: BringLease) throws(CakeError)
    {
        try storage.put(StorageBody(bytes), at: folder(lease.name, path) + "/\(position)")
    }

    /// First bytes of the parts that are there, sorted.
    public func relayed(_ path: FilePath, of lease: String) throws(CakeError) -> [UInt64] {
        try storage.names(in: folder(lease, path)).compactMap { ByteRange.number($0.utf8) }.sorted()
    }

    /// A part; nil when it is gone.
    public func relayedPart(
        at position: UInt64, of path: FilePath, _ lease: String
    ) async throws(CakeError) -> StorageBody? {
        try await storage.distant?.body(at: folder(lease, path) + "/\(position)")
    }

    /// Removes the parts of a file, or of all files.
    public func forgetRelayed(_ path: FilePath? = nil, of lease: BringLease) throws(CakeError) {
        let all = keys.relayed(lease.name)
        var folders: [String] = []
        if let path {
            folders = [folder(lease.name, path)]
        } else {
            for name in try storage.names(in: all) { folders.append(all + "/" + name) }
        }
        for folder in folders {
            for name in try storage.names(in: folder) { try storage.remove(folder + "/" + name) }
        }
    }

    /// Removes what killed servers left, by the storage's clock.
    public func expireBrought(_ life: Duration) throws(CakeError) {
        guard let values = storage.distant else { return }
        try values.attempt { () throws(CakeError) in
            let oldest = try await values.clockNow() - Int(life.components.seconds)
            try await DistantCollection(in: values, .init(grace: life)).removeBroughtLeftovers(since: oldest)
        }
    }
}
