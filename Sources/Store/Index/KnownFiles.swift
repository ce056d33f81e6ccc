public import Model

/// Every file whose layers are in the store, under any model and name.
public struct KnownFiles: Sendable {
    private let store: LocalStore
    /// By the file's digest, the manifests that have it.
    private var bySHA256: [Digest: [Digest]] = [:]
    private var bySize: [UInt64: [Digest]] = [:]

    /// Files up to this size may be compared by reading them.
    public static let smallLimit: UInt64 = 16 << 20

    /// Of every manifest, also those that no name leads to any more. One that cannot be read knows nothing.
    public init(of store: LocalStore) throws(CakeError) {
        self.store = store
        // Another process may have added some since the store was opened.
        _ = try store.catalog.refresh(since: store.catalog.reading)
        for place in [store] + store.lower {
            let claims = try place.claims()
            let digests = try place.manifestDigests().filter { !claims.contains($0) }
            let summaries = try place.summaries(of: digests) { digest throws(CakeError) in try? place.manifest(digest) }
            for summary in summaries {
                for file in summary.files {
                    if bySHA256[file.digest] == nil { bySize[file.size, default: []].append(file.digest) }
                    bySHA256[file.digest, default: []].append(summary.manifest)
                }
            }
        }
    }

    /// From the first manifest that can be read.
    public subscript(digest: Digest) -> Manifest.File? {
        for manifest in bySHA256[digest] ?? [] {
            if let file = (try? store.manifest(manifest))?.files.first(where: { $0.digest == digest }) { return file }
        }
        return nil
    }

    /// Files that may have that size, each read when it is asked for.
    public func files(ofSize size: UInt64) -> some Sequence<Manifest.File> {
        (bySize[size] ?? []).lazy.compactMap { self[$0] }
    }
}
