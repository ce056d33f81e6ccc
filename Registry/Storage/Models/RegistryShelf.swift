internal import Model

/// Where a registry has manifests, with the marks of the blobs that they may name.
enum RegistryShelf: Hashable, Sendable {
    /// What was pushed there. All of it is its readers'.
    case repository(RepositoryName)
    /// Models that mirrors brought. No caller has a right to all of them.
    case brought
}

extension RegistryStore {
    func place(of shelf: RegistryShelf) -> RegistryLayout.Repository {
        switch shelf {
        case .repository(let name): keys.repository(name)
        case .brought: keys.brought
        }
    }

    func manifest(_ name: BlobName, on shelf: RegistryShelf) throws(CakeError) -> StoredManifest? {
        switch shelf {
        case .repository(let repository): try manifest(.digest(name), in: repository)
        case .brought: try rawManifest(name, at: keys.brought)
        }
    }

    func blob(_ name: BlobName, on shelf: RegistryShelf) throws(CakeError) -> Blob? {
        if case .repository(let repository) = shelf { return try blob(name, in: repository) }
        guard let digest = name.sha256, try storage.look(at: keys.brought.blob(digest)) != nil else { return nil }
        return try distantBlob(digest).map { Blob($0) }
    }

    /// Whether a shelf has all of these, with their lengths.
    func has(_ packs: [PackIndex.Pack], on shelf: RegistryShelf) throws(CakeError) -> Bool {
        let place = place(of: shelf)
        if isDistant { _ = try storage.look(atEach: packs.flatMap { [place.blob($0.digest), keys.blob($0.digest)] }) }
        for pack in packs {
            guard try storage.look(at: place.blob(pack.digest)) != nil, try size(of: pack.digest) == pack.size else {
                return false
            }
        }
        return true
    }
}
