internal import Model
internal import Network
internal import Platform
internal import Store

/// A model as layers, as a server of cake's tells of it: which layers its files are made of, and where they lie. Nothing of
/// it is believed: a layer that came has to have its digest, and a file that was put together its published SHA-256.
final class Published: Sendable {
    let remote: RemoteArtifact
    let mirrors: Mirrors
    /// The mirror's.
    let number: Int
    /// It is the endpoint itself, to which a pull has no other: what fails in passing is waited for.
    let isEndpoint: Bool
    private let files: [Digest: Manifest.File]
    private let wrong = Once()
    private let gone = Once()

    /// Fewer bytes are fetched sooner than asked about.
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
    var place: String { "\(mirrors.sources[number].routes)" }

    /// A file was not what it said: it is asked and believed no more.
    var isWrong: Bool { wrong.hasHappened }

    func wasWrong() { wrong.happen() }

    /// It brings no more layers. What it said may be right all the same.
    var isGone: Bool { gone.hasHappened || isWrong }

    func leave() { gone.happen() }

    /// Of the mirrors, and of the endpoint where it is such a server itself, the first that has the commit.
    static func find(
        _ snapshot: Snapshot, _ missing: [SnapshotFile], from source: HubSource, _ mirrors: Mirrors?
    ) async throws -> Published? {
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
    ) async throws -> Published? {
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
            return Published(remote, mirrors, number, isEndpoint: isEndpoint)
        } catch {
            try Task.checkCancellation()
            if Mirrors.mayPass(error) { mirrors.leave(number) }
            return nil
        }
    }

    /// Nil from a server that does not have it, or is none of cake's.
    private static func place(
        of snapshot: Snapshot, _ client: RegistryClient
    ) async throws -> PublishedPlace? {
        let url = client.routes.published(snapshot.repository, at: snapshot.commit)
        var request = HTTPRequest(.get, url.text)
        request.stallSeconds = patience
        let purpose = RegistryClient.Purpose(words: "the layers of \(snapshot.repository)", scopes: [])
        // Whatever it answers but a wish for a token is an answer.
        let statuses = Set(200..<300).union(400..<600).subtracting([401])
        let exchange = try await client.once(request, at: url, for: purpose, accepting: statuses)
        guard exchange.head.status == 200 else { return nil }
        let body = try await TransientFailure.naming { try await exchange.body(limit: PublishedPlace.maximumSize) }
        return PublishedPlace(parsing: body.span)
    }

    /// By cut, what a file's bytes are said to be, where that begins and ends as the file's own header has it.
    func layers(of listed: SnapshotFile, _ cuts: [Segmentation.Cut]) -> [Layer?] {
        guard let file = file(listed) else { return cuts.map { _ in nil } }
        var starts: [UInt64: Layer] = [:]
        for (segment, bytes) in zip(file.segments, file.extents) where !bytes.isEmpty {
            starts[bytes.lowerBound] = segment.layer
        }
        return cuts.map { cut in starts[cut.start].flatMap { $0.size == cut.count ? $0 : nil } }
    }

    /// The file as it is listed there.
    func file(_ listed: SnapshotFile) -> Manifest.File? {
        guard let sha256 = listed.sha256, let file = files[sha256], file.size == listed.size else { return nil }
        return file
    }
}

/// A file's layers are taken to be those that a server names, until the file's hash decides. Those that are not here are
/// no others that are, so that nobody else need be asked about them.
struct PublishedProof: Prover {
    let published: Published

    func evidence(
        for files: [OpenedFile], knowing known: [Evidence], among candidates: Candidates
    ) async throws -> Proved {
        var proved = Proved(evidence: files.map { Evidence(cuts: $0.segmentation.cuts.count) })
        guard !published.isWrong else { return proved }
        for (number, file) in files.enumerated() where file.canBeChecked {
            let layers = published.layers(of: file.wanted.listed, file.segmentation.cuts)
            for (cut, layer) in layers.enumerated() {
                if let layer { proved.evidence[number][cut] = .assumed(layer, .published) }
            }
        }
        return proved
    }
}
