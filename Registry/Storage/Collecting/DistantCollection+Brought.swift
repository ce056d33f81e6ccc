internal import Model
internal import Platform

/// Models that mirrors brought: their records name manifests as tags do.
extension DistantCollection {
    /// Manifests of models that mirrors brought.
    func recorded() async throws(CakeError) -> [BlobName] {
        let names = try await names(keys.broughtNames).compactMap { ModelName(fileName: $0) }
        return try await DistantValues.each(names) { [self] name throws(CakeError) -> BlobName? in
            let key = keys.broughtName(name)
            guard let text = try await listed({ () throws(CakeError) in try await bytes(key, NameRecord.maximumSize) })
            else { return nil }
            guard let brought = RegistryStore.Brought(name, text) else {
                throw unreadable(key, "is not the record of a model", "delete it; a mirror downloads the model again")
            }
            return brought.artifact
        }.compactMap(\.self)
    }

    /// Removes what killed servers leave: leases, marks of servers that waited, parts of files, and manifests that no record names.
    func removeBroughtLeftovers(since oldest: Int) async throws(CakeError) {
        var leases: Set<String> = []
        for folder in keys.relaying { leases.formUnion(try await names(folder)) }
        _ = try await DistantValues.each(leases.sorted()) { [self] lease throws(CakeError) in
            if let there = try await look(keys.lease(lease)), there.time > oldest { return }
            let folder = keys.relayed(lease)
            for file in try await names(folder) {
                for part in try await names(folder + "/" + file) {
                    try await remove("\(folder)/\(file)/\(part)", ifFrom: oldest)
                }
            }
            try await remove(keys.waiting(lease), ifFrom: oldest)
            try await remove(keys.lease(lease), ifFrom: oldest)
        }
        let manifests = try await names(keys.brought.manifests).compactMap { BlobName(fileName: $0) }
        let looks = try await DistantValues.each(manifests) { [self] name throws(CakeError) in
            try await look(keys.brought.manifest(name))
        }
        // After the looks: a server puts a manifest, which is young then, before its record.
        let named = Set(try await recorded())
        let old = zip(manifests, looks).compactMap { name, entry in
            entry.flatMap { $0.time <= oldest && !named.contains(name) ? (name: name, version: $0.version) : nil }
        }
        _ = try await DistantValues.each(old) { [self] one throws(CakeError) in
            try await values.removeNow(keys.brought.manifest(one.name), one.version)
        }
    }

    private func remove(_ key: String, ifFrom oldest: Int) async throws(CakeError) {
        guard let there = try await look(key), there.time <= oldest else { return }
        _ = try await values.removeNow(key, there.version)
    }
}
