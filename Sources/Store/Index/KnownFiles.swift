public import Model

/// Every file whose layers are in the store, under any model and name.
public struct KnownFiles: Sendable {
    private var bySHA256: [Digest: Manifest.File] = [:]
    private var bySize: [UInt64: [Manifest.File]] = [:]

    /// Files up to this size may be compared by reading them.
    public static let smallLimit: UInt64 = 16 << 20

    /// Reads every manifest, also those that no name leads to any more. One that cannot be read knows nothing.
    public init(of store: LocalStore) throws(CakeError) {
        // Another process may have added some since the store was opened.
        _ = try store.catalog.refresh(since: store.catalog.reading)
        var digests: [Digest] = []
        for place in [store] + store.lower {
            for digest in try place.manifestDigests() where try !place.isClaim(digest) { digests.append(digest) }
        }
        for digest in digests {
            guard let manifest = try? store.manifest(digest) else { continue }
            for file in manifest.files where bySHA256.updateValue(file, forKey: file.digest) == nil {
                bySize[file.size, default: []].append(file)
            }
        }
    }

    public subscript(digest: Digest) -> Manifest.File? { bySHA256[digest] }

    /// Files that may be one of that size.
    public func files(ofSize size: UInt64) -> [Manifest.File] { bySize[size] ?? [] }
}
