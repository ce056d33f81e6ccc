public import Model
internal import Platform
public import Store

/// The places of the store's models in registries, by their records.
extension LocalStore {
    /// Repositories of a registry with models that share layers, those with most first.
    public func repositories(sharing manifest: Manifest, on host: String) throws(CakeError) -> [RepositoryName] {
        let prefix = RegistryReference.place(of: host)
        var wanted: Set<Digest> = []
        for layer in manifest.layers {
            wanted.insert(layer.digest)
            if let base = try base(of: layer) { wanted.insert(base) }
        }
        var ranked: [(score: Int, repositories: [RepositoryName])] = []
        for named in try allNames() {
            let places = named.record.pushed.reversed() + [named.record.source].compactMap(\.self)
            let repositories = places.filter { $0.hasPrefix(prefix) }.compactMap {
                RepositoryName(String($0.dropFirst(prefix.count)))
            }
            guard !repositories.isEmpty, let other = try? self.manifest(named.record.manifest) else { continue }
            let score = other.layers.count { wanted.contains($0.digest) }
            if score > 0 { ranked.append((score, repositories)) }
        }
        ranked.sort { $0.score > $1.score }
        return ranked.flatMap(\.repositories)
    }

    /// Models made from this one then find its layers there.
    public func note(_ named: Named, pushedTo reference: RegistryReference) throws(CakeError) {
        guard isWritable, named.place == nil, try record(of: named.name) != nil else { return }
        let place = reference.place
        try update(named.name, in: Operation(self)) { old in
            guard var record = old else { return nil }
            record.pushed = record.pushed.filter { $0 != place } + [place]
            return record
        }
    }
}
