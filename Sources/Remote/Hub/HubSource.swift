public import Model
public import Network
internal import Platform
internal import Synchronization

/// The Hub, or a mirror of it, as a place to read models from.
public struct HubSource: Sendable {
    public let routes: HubRoutes
    let client: HTTPClient
    let token: HubToken?
    private let retry: RetryPolicy
    private let errors: ErrorStyle
    var line = Line()

    /// The kind of error for a refusal.
    public enum ErrorStyle: Sendable {
        /// For a person: its meaning, and what to do.
        case explained
        /// For clients of a server, which know the Hub's own words: its status, code and message.
        case asSaid
    }

    public init(
        _ routes: HubRoutes, token: HubToken?, client: HTTPClient, retry: RetryPolicy = .waits,
        errors: ErrorStyle = .explained
    ) {
        self.routes = routes
        self.token = token
        self.client = client
        self.retry = retry
        self.errors = errors
    }

    /// The same source with a callback: the reason of a wait, and nil when it is over.
    package func telling(_ says: @escaping @Sendable (String?) -> Void) -> HubSource {
        var source = self
        source.line.says = says
        return source
    }

    package var isTold: Bool { line.says != nil }

    /// The same source, that waits for the network for minutes.
    package var patient: HubSource {
        var source = self
        source.line = line.patient
        return source
    }

    /// The commit of the revision, and its files. All later requests name the commit.
    public func snapshot(of reference: HubReference) async throws -> Snapshot {
        try await listing(of: reference).snapshot
    }

    /// The same, with the repository's information.
    public func listing(of reference: HubReference) async throws -> (info: HubInfo, snapshot: Snapshot) {
        let repository = reference.repository
        let revision = reference.revision ?? Revision.main
        let (head, body) = try await words(of: repository, at: revision)
        let info = try HubInfo(parsing: body.span)
        var snapshot = try await snapshot(of: reference, info)
        snapshot.isFromRegistry = head[CakeRoute.sign] != nil
        return (info, snapshot)
    }

    /// A repository's information, unchanged.
    package func words(of repository: HubRepository, at revision: String) async throws -> (
        head: HTTPHead, body: [UInt8]
    ) {
        try await document(
            at: routes.info(of: repository, at: revision), question(repository, revision), limit: HubInfo.maximumSize)
    }

    /// The files of the commit that it named.
    package func snapshot(of reference: HubReference, _ info: HubInfo) async throws -> Snapshot {
        let repository = reference.repository
        let question = question(repository, reference.revision ?? Revision.main)
        guard let commit = info.commit else { throw CakeError(.damaged, "\(repository) has no commit") }
        var tree = HubTree()
        var next: WebURL? = routes.tree(of: repository, at: commit)
        while let url = next {
            let page = try await document(at: url, question, limit: HubTree.maximumPageSize)
            try tree.add(page: page.body.span)
            next = try NextPage.url(inLink: page.head["link"], of: url)
        }
        var snapshot = try tree.snapshot(of: repository, revision: reference.revision, commit: commit)
        snapshot.baseModels = info.baseModels
        return snapshot
    }

    /// Where a file's bytes are: asked once, and again when the address has expired.
    func address(of file: SnapshotFile, in snapshot: Snapshot) async throws -> RemoteAddress {
        let question = question(snapshot.repository, snapshot.commit, file.path)
        return try await retry(on: line) {
            var way = Redirects(from: routes.file(file.path, of: snapshot.repository, at: snapshot.commit))
            var etag: String?
            var policy = RedirectPolicy.token(token?.header)
            policy.hears = { head, _ in etag = head["x-linked-etag"] ?? etag }
            // A signed address is for GET alone: another origin is not asked before the bytes are wanted.
            policy.endsElsewhere = true
            let head = try await client.follow(HTTPRequest(.head), &way, by: policy).head
            if !way.mayCarryToken { return RemoteAddress(way, etag: etag) }
            guard (200..<300).contains(head.status) else { throw try await refusal(head, body: [], question) }
            return RemoteAddress(way, etag: etag ?? head["etag"])
        }
    }

    /// Opens a run of a file's bytes. The answer begins at its first byte, or is refused.
    func open(_ range: Range<UInt64>, of file: SnapshotFile, at address: RemoteAddress) async throws -> RangeAnswer {
        var way = Redirects(from: address.url, limit: address.limit)
        var request = HTTPRequest(.get)
        request.range = range
        let exchange = try await client.follow(
            request, &way, by: .token(address.carriesToken ? token?.header : nil))
        let head = exchange.head
        switch head.status {
        case 206:
            try RangeAnswer.check(head, range: range, of: "\(file.path)", size: file.size)
            return .partial(exchange)
        case 200:
            try RangeAnswer.check(head, whole: "\(file.path)", size: file.size)
            return .whole(exchange)
        case 400, 401, 403, 404, 410: return .expired(status: head.status)
        case 416:
            throw CakeError(
                .damaged, "\(file.path): the server has no bytes \(range.lowerBound) to \(range.upperBound - 1)",
                fix: RangeAnswer.advice)
        default:
            throw try await refusal(head, body: words(of: exchange), question(nil, nil, file.path), isSaid: false)
        }
    }

    /// A small file as a whole, in memory.
    public func bytes(of file: SnapshotFile, in snapshot: Snapshot, limit: Int) async throws -> [UInt8] {
        guard file.size <= UInt64(limit) else {
            throw CakeError(.damaged, "\(file.path) has \(file.size) bytes; the limit is \(limit)")
        }
        guard file.size > 0 else { return [] }
        return try await HubFile(file, in: snapshot, from: self).bytes(0..<file.size)
    }

    /// A small JSON answer of the API, asked again while the failure may pass. Of other statuses than 200 that the caller
    /// understands, the body says nothing.
    func document(
        at url: WebURL, _ question: HubQuestion, limit: Int, accepting statuses: Set<Int> = [200]
    ) async throws -> (head: HTTPHead, body: [UInt8]) {
        try await retry(on: line) {
            var way = Redirects(from: url)
            let exchange = try await client.follow(HTTPRequest(.get), &way, by: .token(token?.header))
            let head = exchange.head
            if head.status == 200 {
                return (head, try await TransientFailure.naming { try await exchange.body(limit: limit) })
            }
            guard statuses.contains(head.status) else {
                throw try await refusal(head, body: words(of: exchange), question)
            }
            return (head, [])
        }
    }

    func question(_ repository: HubRepository?, _ revision: String?, _ file: FilePath? = nil) -> HubQuestion {
        HubQuestion(routes, repository: repository, revision: revision, file: file, hasToken: token != nil)
    }

    /// The message in a refusal's body. The status alone is enough without it.
    private func words(of exchange: HTTPExchange) async throws -> [UInt8] {
        do {
            return try await exchange.beginning(limit: HubAnswer.maximumBody)
        } catch {
            try Task.checkCancellation()
            return []
        }
    }

    private func refusal(
        _ head: HTTPHead, body: [UInt8], _ question: HubQuestion, isSaid: Bool = true
    ) async throws -> any Error {
        let answer = HubAnswer(
            status: head.status, code: head["x-error-code"], message: head["x-error-message"], body: body.span)
        let asked = Retry.asked(retryAfter: head["retry-after"], rateLimit: head["ratelimit"], now: Machine.now)
        if errors == .asSaid, isSaid { return answer.refusal(asked: asked) }
        let error = answer.error(to: question)
        guard Retry.isTransient(status: head.status) else { return error }
        return TransientFailure(error, asked: asked, words: head.status == 429 ? "too many requests" : "server error")
    }
}

/// Where a file's bytes are to be had.
struct RemoteAddress: Sendable {
    let url: WebURL
    let carriesToken: Bool
    let limit: AddressLimit?
    let etag: String?

    init(_ way: Redirects, etag: String?) {
        (url, carriesToken, limit) = (way.url, way.mayCarryToken, way.limit)
        self.etag = etag
    }
}
