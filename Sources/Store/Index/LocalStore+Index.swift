package import Model
internal import Platform

extension LocalStore {
    /// Changes with whatever is published, encoded anew or removed, here or below.
    package func fingerprint() throws(CakeError) -> Digest {
        var hash = SHA256()
        for place in [self] + lower {
            for name in try Disk.names(in: place.layout.index) + Disk.names(in: place.layout.packs) {
                hash.update(Array(name.utf8).span)
            }
        }
        return hash.finish()
    }

    /// What a layer takes and which base it has, here or below.
    package func findAnywhere(_ layer: Layer) throws(CakeError) -> (length: UInt64, base: Digest?)? {
        for place in [self] + lower {
            if let found = try place.find(layer) { return (found.location.length, found.base) }
        }
        return nil
    }

    /// Reads the index again where another process has changed it; whole and with its checksums for who is `checking`.
    package func refresh(checking: Bool) throws(CakeError) { try catalog.reload(checking: checking) }
}
