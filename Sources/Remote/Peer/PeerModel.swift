package import Model
internal import Network
internal import Platform
internal import Synchronization

/// A model as layers, by a server that is cake: which layers its files have, and where they are. It is not trusted: a
/// received layer must have its digest, and an assembled file its published SHA-256.
package final class PeerModel: Sendable {
    package let remote: RemoteArtifact
    let mirrors: Mirrors
    /// The mirror's.
    let number: Int
    /// It is the endpoint itself, and a pull has no other server: temporary failures are waited for.
    package let isEndpoint: Bool
    private let files: [Digest: Manifest.File]
    private let wrong = Atomic<Bool>(false)
    private let gone = Atomic<Bool>(false)

    /// Fewer bytes are downloaded faster than this request takes.
    private static let leastBytes: UInt64 = 1 << 20
    /// The server may have to look through all the model's bytes first.
    private static let patience = 30
    /// Of the lists of half a million layers.
    private static let listLimit = 64 << 20

    private init(_ remote: RemoteArtifact, _ mirrors: Mirrors, _ number: Int, isEndpoint: Bool) {
        self.remote = remote
        self.mirrors = mirrors
        self.number = number
        self.isEndpoint = isEndpoint
        files = Dictionary(remote.model.files.map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// As it is said to people.
    package var place: String { "\(mirrors.sources[number].routes)" }

    package var origin: Origin { mirrors.sources[number].routes.origin }

    /// Bytes from there so far.
    package var bytes: UInt64 { mirrors.bytes }

    /// A file did not match what it said: it is not used any more.
    package var isWrong: Bool { wrong.load(ordering: .relaxed) }

    package func wasWrong() { wrong.store(true, ordering: .relaxed) }

    /// It sends no more layers. Its statements may still be right.
    package var isGone: Bool { gone.load(ordering: .relaxed) || isWrong }

    package func leave() { gone.store(true, ordering: .relaxed) }

    /// The file as it is listed there.
    package func file(_ listed: SnapshotFile) -> Manifest.File? {
        guard let sha256 = listed.sha256, let file = files[sha256], file.size == listed.size else { return nil }
        return file
    }

    /// The first of the mirrors, and of the endpoint if it is such a server, that has the commit.
    package static func find(
        _ snapshot: Snapshot, _ missing: [SnapshotFile], from source: HubSource, _ mirrors: Mirrors?
    ) async throws -> PeerModel? {
        let bytes = missing.reduce(UInt64(0)) { $1.sha256 == nil ? $0 : $0 + $1.size }
        guard bytes >= leastBytes else { return nil }
        if let mirrors {
            for number in mirrors.sources.indices where !mirrors.rests(number) {
                if let found = try await ask(mirrors, number, for: snapshot, as: nil, isEndpoint: false) {
                    return found
                }
            }
        }
        guard snapshot.isFromRegistry else { return nil }
        let endpoint = Mirrors([source.routes], client: source.client)
        return try await ask(endpoint, 0, for: snapshot, as: source.token, isEndpoint: true)
    }

    private static func ask(
        _ mirrors: Mirrors, _ number: Int, for snapshot: Snapshot, as token: HubToken?, isEndpoint: Bool
    ) async throws -> PeerModel? {
        let source = mirrors.sources[number]
        // A registry's addresses begin at the root of its host.
        guard source.routes.prefix.isEmpty else { return nil }
        do {
            let client = RegistryClient(
                try RegistryRoutes(of: source.routes),
                as: RegistryCredentials(files: [], own: nil, given: token?.login), client: source.client,
                retry: isEndpoint ? Retry() : nil)
            guard let place = try await place(of: snapshot, client) else { return nil }
            let remote = try await RemoteArtifact(
                .digest(place.manifest), in: RemoteRepository(client, place.repository), limit: listLimit)
            return PeerModel(remote, mirrors, number, isEndpoint: isEndpoint)
        } catch {
            try Task.checkCancellation()
            if Mirrors.mayPass(error) { mirrors.leave(number) }
            return nil
        }
    }

    /// Nil from a server that does not have it, or is not cake.
    private static func place(
        of snapshot: Snapshot, _ client: RegistryClient
    ) async throws -> PublishedPlace? {
        let url = client.routes.published(snapshot.repository, at: snapshot.commit)
        var request = HTTPRequest(.get, url.text)
        request.stallSeconds = patience
        let purpose = RegistryClient.Purpose(words: "the layers of \(snapshot.repository)", scopes: [])
        // Every answer but a request for a token is final.
        let statuses = Set(200..<300).union(400..<600).subtracting([401])
        let exchange = try await client.once(request, at: url, for: purpose, accepting: statuses)
        guard exchange.head.status == 200 else { return nil }
        let body = try await TransientFailure.naming { try await exchange.body(limit: PublishedPlace.maximumSize) }
        return PublishedPlace(parsing: body.span)
    }
}
