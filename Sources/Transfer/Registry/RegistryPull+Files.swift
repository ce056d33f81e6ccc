package import Model
internal import Platform
internal import Remote
internal import Store

/// Some files of a model, for clients of a mirror.
extension RegistryPull {
    package struct Brought: Sendable {
        package let manifest: Digest
        package let fetched: UInt64
        package let stored: UInt64
    }

    /// Brings what is missing of these files. Under the name are then these, and those of the same commit that were there.
    package func callAsFunction(
        _ paths: Set<FilePath>, of listing: HubListing, as name: ModelName, from source: String,
        published: @escaping @Sendable (Set<Digest>) -> Void
    ) async throws -> Brought {
        let operation = try Operation(store)
        let wanted = remote.model.files.filter { paths.contains($0.path) }
        let layers = try Manifest(files: wanted).layers
        let brought = try await fetch(layers, in: operation, waiting: { _ in }, published: published)
        while true {
            let known = try store.record(of: name)
            let files = wanted + store.rest(of: known, at: listing.commit, without: wanted)
            let manifest = try store.save(Manifest(files: files), in: operation, isClaim: true)
            var isPointed = false
            try store.update(name, in: operation) { old in
                // Another may have brought others meanwhile.
                guard old?.manifest == known?.manifest else { return nil }
                isPointed = true
                var record = old ?? NameRecord(manifest: manifest)
                if old == nil { record.mark = .mirrored }
                if let now = old?.commit, now != listing.commit {
                    record.earlierCommits.append(now)
                    record.etags = [:]
                }
                record.manifest = manifest
                record.time = Machine.now
                record.source = source
                record.revision = listing.revision
                record.commit = listing.commit
                for file in wanted { record.etags[file.path] = file.digest.hex }
                return record
            }
            if isPointed {
                return Brought(manifest: manifest, fetched: brought.fetched, stored: brought.stored)
            }
        }
    }
}
