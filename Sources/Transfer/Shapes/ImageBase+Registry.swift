public import Model
public import Remote
public import Store

extension ImageBase {
    /// Reads an image in a registry, or of an index of images the usual one.
    public init(_ wanted: ManifestName, in repository: RemoteRepository) async throws {
        var kept = try await repository.manifest(wanted)
        var manifest = try RegistryManifest(parsing: kept.bytes.span)
        if !manifest.manifests.isEmpty, manifest.config == nil {
            let index = try JSONValue(parsing: kept.bytes.span, repeatedKeys: .kept)
            kept = try await repository.manifest(.digest(try ImageBase.choice(in: index)))
            manifest = try RegistryManifest(parsing: kept.bytes.span)
        }
        guard let config = manifest.config else {
            throw CakeError(.damaged, "\(repository.name):\(wanted.text) is no image: its manifest has no config")
        }
        let bytes = try await repository.blob(config, limit: ImageBase.largestConfig)
        try self.init(manifest, config: bytes.span)
    }
}

extension LocalStore {
    /// Repositories of a registry with models that have some of these files, those with most bytes first.
    public func neighbours(
        of manifest: Manifest, on host: String, atMost most: Int
    ) throws(CakeError) -> [ShapedPush.Neighbour] {
        let prefix = RegistryReference.place(of: host)
        let sizes = Dictionary(manifest.files.map { ($0.digest, $0.size) }) { first, _ in first }
        var found: [(bytes: UInt64, neighbour: ShapedPush.Neighbour)] = []
        for named in try allNames() {
            let places = named.record.pushed.reversed() + [named.record.source].compactMap(\.self)
            let repositories = places.filter { $0.hasPrefix(prefix) }.compactMap {
                RepositoryName(String($0.dropFirst(prefix.count)))
            }
            guard !repositories.isEmpty, let other = try? self.manifest(named.record.manifest) else { continue }
            let files = Set(other.files.map(\.digest)).filter { sizes[$0] != nil }
            let bytes = files.reduce(UInt64(0)) { $0.clampedSum(sizes[$1] ?? 0) }
            guard bytes > 0 else { continue }
            found += repositories.map { (bytes, ShapedPush.Neighbour(repository: $0, files: files)) }
        }
        return found.sorted { $0.bytes > $1.bytes }.prefix(most).map(\.neighbour)
    }
}
