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

    /// Downloads the missing layers of these files. The name then has these files, and those of the same commit that it
    /// had.
    package func callAsFunction(
        _ paths: Set<FilePath>, of listing: HubListing, as name: ModelName, from source: String,
        published: @escaping @Sendable (Set<Digest>) -> Void
    ) async throws -> Brought {
        let operation = try Operation(store)
        let wanted = remote.model.files.filter { paths.contains($0.path) }
        let layers = try Manifest(files: wanted).layers
        let brought = try await fetch(layers, in: operation, waiting: { _ in }, published: published)
        let origin = ModelOrigin(source, revision: listing.revision, commit: listing.commit)
        while true {
            let known = try store.record(of: name)
            let rest = store.rest(of: known, at: listing.commit, without: wanted)
            let manifest = try store.save(Manifest(files: wanted + rest), in: operation, isClaim: true)
            // Another pull may have added files meanwhile.
            let pointed = try store.point(
                name, to: manifest, from: origin, expecting: .manifest(known?.manifest), by: .free,
                in: operation
            ) { record, old in
                if old == nil { record.mark = .mirrored }
                if !rest.contains(where: { $0.path.string == Pull.partName }) { record.missing = [] }
                for file in wanted { record.etags[file.path] = file.digest.hex }
            }
            if pointed.isDone {
                return Brought(manifest: manifest, fetched: brought.fetched, stored: brought.stored)
            }
        }
    }
}
