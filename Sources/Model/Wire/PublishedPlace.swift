/// The answer of `/v2/_cake/published`: where a registry has a Hub's repository at a commit.
public struct PublishedPlace: Hashable, Sendable {
    public static let maximumSize = 64 << 10

    public let repository: RepositoryName
    public let manifest: BlobName

    /// Nil for an answer that names no place.
    public init?(parsing bytes: Span<UInt8>) {
        guard
            let document = try? JSONValue(parsing: bytes, repeatedKeys: .kept, limit: PublishedPlace.maximumSize),
            let repository = document["repository"]?.string.flatMap({ RepositoryName($0) }),
            let manifest = document["manifest"]?.string.flatMap({ BlobName($0) })
        else { return nil }
        self.repository = repository
        self.manifest = manifest
    }
}
