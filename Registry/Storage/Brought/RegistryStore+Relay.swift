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

    /// Removes what killed servers left, by the storage's clock: leases, marks and parts, and manifests that no record names.
    public func expireBrought(_ life: Duration) throws(CakeError) {
        try storage.mark([keys.clock])
        guard let now = try storage.lookAgain(at: keys.clock)?.time else { return }
        let oldest = now - Int(life.components.seconds)
        func expire(_ key: String) throws(CakeError) {
            guard let entry = try storage.lookAgain(at: key), entry.time <= oldest else { return }
            _ = try storage.remove(key, ifUnchanged: entry.version)
        }
        var names: Set<String> = []
        for folder in ["leases", "waiting", "parts"] {
            names.formUnion(try storage.names(in: keys.brought.root + "/" + folder))
        }
        for name in names {
            let folder = keys.relayed(name)
            guard try storage.lookAgain(at: keys.lease(name)).map({ $0.time <= oldest }) ?? true else { continue }
            for file in try storage.names(in: folder) {
                for part in try storage.names(in: folder + "/" + file) { try expire(folder + "/" + file + "/" + part) }
            }
            try expire(keys.waiting(name))
            try expire(keys.lease(name))
        }
        let manifests = try storage.names(in: keys.brought.manifests).compactMap { BlobName(fileName: $0) }
        let named = Set(try allBrought().map(\.artifact))
        for name in manifests where !named.contains(name) { try expire(keys.brought.manifest(name)) }
    }
}
