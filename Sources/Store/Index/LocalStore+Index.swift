package import Model
internal import Platform

extension LocalStore {
    /// Changes with every object that is published, encoded again or removed, here or below.
    package func fingerprint() throws(CakeError) -> Digest {
        var hash = SHA256()
        for place in [self] + lower {
            for name in try place.layout.indexNames().map(\.name) + Disk.names(in: place.layout.packs) {
                hash.update(Array(name.utf8).span)
            }
        }
        return hash.finish()
    }

    /// The size and the base of a layer's object, here or below.
    package func findAnywhere(_ layer: Layer) throws(CakeError) -> (length: UInt64, base: Digest?)? {
        for place in [self] + lower {
            if let found = try place.find(layer) { return (found.location.length, found.base) }
        }
        return nil
    }

    /// Sees what other processes have brought since the index was read, here and below.
    package func seeWhatCame() throws(CakeError) {
        for place in [self] + lower {
            _ = try place.catalog.refresh(since: place.catalog.reading, checking: false)
        }
    }

    /// Reads the index again if another process has changed it; completely and with its checksums if `checking`.
    package func refresh(checking: Bool) throws(CakeError) { try catalog.reload(checking: checking) }
}
