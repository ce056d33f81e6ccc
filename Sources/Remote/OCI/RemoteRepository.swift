public import Model
internal import Network
internal import Platform

/// One repository of a registry. Answers are compared with the requested name.
public struct RemoteRepository: Sendable {
    public let client: RegistryClient
    public let name: RepositoryName
    /// The rights that each request asks for; a request for more than the login has may be refused altogether.
    let actions: Set<RegistryScope.Action>

    public init(_ client: RegistryClient, _ name: RepositoryName, for actions: Set<RegistryScope.Action> = [.pull]) {
        self.client = client
        self.name = name
        self.actions = actions
    }

    package var host: String { client.routes.host }

    /// Its data, where no server is asked.
    var inBucket: BucketRepository? { get async throws { try await client.bucket?.repository(name) } }

    func purpose(_ words: String, from other: RepositoryName? = nil) -> RegistryClient.Purpose {
        var scopes: Set<RegistryScope> = [RegistryScope(name, actions)]
        if let other, other != name { scopes.insert(RegistryScope(other, [.pull])) }
        return RegistryClient.Purpose(words: words, scopes: scopes)
    }

    private static let accepted = [
        RegistryManifest.image, RegistryManifest.index, "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ].joined(separator: ", ")

    /// A manifest with its original bytes.
    public struct Kept: Sendable {
        public let bytes: [UInt8]
        public let name: BlobName
        public let mediaType: String

        package init(bytes: [UInt8], name: BlobName, mediaType: String) {
            self.bytes = bytes
            self.name = name
            self.mediaType = mediaType
        }
    }

    package func words(_ manifest: ManifestName) -> String {
        if case .digest = manifest { return "\(name)@\(manifest.text)" }
        return "\(name):\(manifest.text)"
    }

    public func manifest(_ wanted: ManifestName) async throws -> Kept {
        if let own = try await inBucket { return try await own.manifest(wanted) }
        let (head, body) = try await client.document(
            at: client.routes.manifest(wanted, of: name), for: purpose(words(wanted)),
            headers: [("Accept", RemoteRepository.accepted)], limit: RegistryManifest.maximumSize)
        var found = BlobName(SHA256.digest(of: body.span))
        if case .digest(let asked) = wanted {
            if asked.algorithm == .sha512 { found = RemoteRepository.sha512(of: body) ?? found }
            guard asked == found else { throw lie("sent \(found.short) for the manifest \(asked.short)") }
        } else if let said = head["docker-content-digest"].flatMap({ BlobName($0) }) {
            if said.algorithm == .sha512 { found = RemoteRepository.sha512(of: body) ?? found }
            guard said == found else {
                throw lie("says that \(words(wanted)) is \(said.short), and sent \(found.short)")
            }
        }
        let type = head["content-type"].map { String($0.prefix { $0 != ";" }) } ?? RegistryManifest.image
        return Kept(bytes: body, name: found, mediaType: type)
    }

    static func name(of bytes: [UInt8], as algorithm: BlobName.Algorithm) -> BlobName? {
        algorithm == .sha512 ? sha512(of: bytes) : BlobName(SHA256.digest(of: bytes.span))
    }

    private static func sha512(of bytes: [UInt8]) -> BlobName? {
        var hash = SHA512()
        hash.update(bytes.span)
        return BlobName("sha512:" + hash.finish())
    }

    /// Nil if there is no such manifest.
    package func digest(of wanted: ManifestName) async throws -> BlobName? {
        do {
            return try await manifest(wanted).name
        } catch let error as CakeError where error.kind == .notFound {
            return nil
        }
    }

    /// Whether a client without a login gets a manifest. Who may read one repository of a bucket may read all.
    package func isPublic(_ wanted: ManifestName) async throws -> Bool {
        if client.bucket != nil { return true }
        do {
            _ = try await RemoteRepository(client.anonymous, name).manifest(wanted)
            return true
        } catch is CakeError {
            return false
        } catch is TransientFailure { return false }
    }

    func lie(_ what: String) -> CakeError {
        CakeError(
            .damaged, "\(host) \(what)",
            fix: "the registry, or a proxy, changes the data; ask its operator")
    }

    /// A small blob as a whole.
    package func blob(_ descriptor: Descriptor, limit: Int) async throws -> [UInt8] {
        let what = "blob \(descriptor.name.short) of \(name)"
        guard descriptor.size <= UInt64(limit) else {
            throw CakeError(.damaged, "\(what) has \(descriptor.size) bytes; the limit is \(limit)")
        }
        if let own = try await inBucket { return try await own.blob(descriptor) }
        let (_, body) = try await client.document(
            at: client.routes.blob(descriptor.name, of: name), for: purpose(what), limit: Int(descriptor.size))
        let found = SHA256.digest(of: body.span)
        guard UInt64(body.count) == descriptor.size, BlobName(found) == descriptor.name else {
            throw lie("sent \(body.count) bytes that hash to \(found.short) for \(what), which has \(descriptor.size)")
        }
        return body
    }

    package func has(_ blob: BlobName, size: UInt64) async throws -> Bool {
        if let own = try await inBucket { return try await own.has(blob, size: size) }
        let url = client.routes.blob(blob, of: name)
        let exchange = try await client.ask(
            HTTPRequest(.head, url.text), at: url, for: purpose("blob \(blob.short) of \(name)"),
            accepting: [200, 404])
        guard exchange.head.status == 200 else { return false }
        if let length = exchange.head.contentLength, length != size {
            throw lie("says that blob \(blob.short) of \(name) has \(length) bytes, but it has \(size)")
        }
        return true
    }

    /// Opens a run of a blob. The answer begins at its first byte, or at the blob's.
    func open(_ range: Range<UInt64>, of blob: BlobName, size: UInt64, label: String) async throws -> RangeAnswer {
        let url = client.routes.blob(blob, of: name)
        var request = HTTPRequest(.get, url.text)
        request.range = range
        let exchange = try await client.once(request, at: url, for: purpose(label), accepting: [200, 206])
        if exchange.head.status == 206 {
            try RangeAnswer.check(exchange.head, range: range, of: label, size: size)
            return .partial(exchange)
        }
        try RangeAnswer.check(exchange.head, whole: label, size: size)
        return .whole(exchange)
    }

    /// All tags, in the order of the registry. Empty if there is no such repository.
    public func tags() async throws -> [TagName] {
        if let own = try await inBucket { return try await own.tags() }
        return try await list(client.routes.tags(of: name), "tags", purpose("the tags of \(name)")).compactMap {
            TagName($0)
        }
    }

    private func list(_ from: WebURL, _ key: String, _ purpose: RegistryClient.Purpose) async throws -> [String] {
        try await RemoteRepository.list(client, from, key, purpose)
    }

    static func list(
        _ client: RegistryClient, _ from: WebURL, _ key: String, _ purpose: RegistryClient.Purpose
    ) async throws -> [String] {
        var found: [String] = []
        var next: WebURL? = from
        var seen: Set<WebURL> = []
        while let url = next {
            guard seen.insert(url).inserted, seen.count <= 1000 else {
                throw CakeError(.failed, "\(client.routes) lists \(purpose.words) without end")
            }
            let (head, body) = try await client.document(
                at: url, for: purpose, limit: JSONValue.usualLimit, accepting: [200, 404])
            guard head.status == 200 else { return found }
            let document = try JSONValue(parsing: body.span, repeatedKeys: .kept)
            found += (document[key]?.array ?? []).compactMap(\.string)
            next = try NextPage.url(inLink: head["link"], of: url)
        }
        return found
    }

    /// Takes a tag away, or a manifest with all its tags. False where the registry does neither.
    public func delete(_ manifest: ManifestName) async throws -> Bool {
        if let own = try await inBucket { return try await own.delete(manifest) }
        let url = client.routes.manifest(manifest, of: name)
        let exchange = try await client.ask(
            HTTPRequest(.delete, url.text), at: url, for: purpose("to delete \(words(manifest))"),
            accepting: [200, 202, 204, 400, 405, 415])
        return (200..<300).contains(exchange.head.status)
    }

    /// True if the registry lists it among what refers to its subject.
    @discardableResult
    package func put(_ manifest: Kept, as wanted: ManifestName) async throws -> Bool {
        if let own = try await inBucket {
            try await own.put(manifest, as: wanted)
            return true
        }
        let url = client.routes.manifest(wanted, of: name)
        var request = HTTPRequest(.put, url.text)
        request.headers = [("Content-Type", manifest.mediaType)]
        request.body = manifest.bytes
        request.stallSeconds = RemoteRepository.patience
        let exchange = try await client.ask(
            request, at: url, for: purpose("the manifest of \(words(wanted))"), accepting: [200, 201, 202])
        if let said = exchange.head["docker-content-digest"].flatMap({ BlobName($0) }),
            said.algorithm == manifest.name.algorithm, said != manifest.name
        {
            throw lie("stored the manifest \(manifest.name.short) as \(said.short)")
        }
        return exchange.head["oci-subject"] != nil
    }

    /// A registry may hash all that it was sent before it answers.
    static let patience = 300
}

extension RegistryClient {
    /// The repositories of the registry, if it lists them.
    public func repositories() async throws -> [String] {
        let purpose = Purpose(words: "the list of its repositories", scopes: [])
        return try await RemoteRepository.list(self, routes.catalog, "repositories", purpose)
    }

    /// Those in a bucket, below a prefix. If there are none, also the words with which longer prefixes go on.
    public func repositories(below prefix: String) async throws -> (names: [String], deeper: [String]) {
        try await bucket?.repositories(below: prefix) ?? ([], [])
    }
}

extension BlobName {
    /// For people.
    package var short: String { String(hex.prefix(12)) }
}

extension RemoteRepository {
    /// Named by a person.
    public init(
        _ reference: RegistryReference, _ client: RegistryClient, for actions: Set<RegistryScope.Action> = [.pull]
    ) {
        self.init(client, reference.repository, for: actions)
    }
}
