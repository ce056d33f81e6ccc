public import Model
public import Network
internal import Platform

/// One server of object storage: signs requests, and says what a refusal means. It follows no redirect: a signature is
/// for one host, and goes to no other.
public final class S3Client: Sendable {
    public let endpoint: S3Endpoint
    let http: HTTPClient
    let credentials: S3CredentialChain
    let line: Line
    let now: @Sendable () -> Int

    public convenience init(_ settings: S3Settings, client: HTTPClient) {
        self.init(settings, client: client, line: Line())
    }

    package init(
        _ settings: S3Settings, client: HTTPClient, line: Line, now: @escaping @Sendable () -> Int = { Machine.now }
    ) {
        endpoint = settings.endpoint
        (http, self.line, self.now) = (client, line, now)
        credentials = S3CredentialChain(settings, client: client, now: now)
    }

    /// A request before it is signed.
    struct Question: Sendable {
        var method = HTTPRequest.Method.get
        var key: String?
        var query: [(name: String, value: String)] = []
        var headers: [(name: String, value: String)] = []
        var body: [UInt8] = []
        var range: Range<UInt64>?
        /// Of a body that is sent during the request: its SHA-256, or nil if only TLS protects it.
        var digest: Digest?
        /// For errors: what was wanted.
        let words: String

        init(_ method: HTTPRequest.Method, _ key: String?, _ words: String) {
            (self.method, self.key, self.words) = (method, key, words)
        }
    }

    /// A server may store all that it was sent before it answers.
    private static let patience = 300

    /// Sends a request once. Returns an answer with one of the statuses.
    func once(
        _ question: Question, in place: S3Place, accepting statuses: Set<Int>, sending body: SentBody? = nil
    ) async throws -> HTTPExchange {
        let used = try await credentials.current()
        let url = try endpoint.url(place.bucket, key: question.key.map(place.key), query: question.query)
        var request = HTTPRequest(question.method, url.text)
        request.range = question.range
        request.body = question.body
        request.headers = question.headers
        if let used {
            let payload =
                if body == nil { SHA256.digest(of: question.body.span).hex } else {
                    question.digest?.hex ?? S3Signature.unsigned
                }
            let signature = S3Signature(credentials: used, region: endpoint.region, time: now())
            request.headers += signature.headers(question.method.rawValue, url, question.headers, payload: payload)
        }
        if question.method == .put || question.method == .post {
            request.headers.append(("Content-Type", "application/octet-stream"))
            request.stallSeconds = S3Client.patience
        }
        let asked = request
        let exchange = try await TransientFailure.naming {
            guard let body, body.length > 0 else { return try await http.open(asked) }
            return try await http.open(asked, sending: body.length, body.feed)
        }
        if statuses.contains(exchange.head.status) { return exchange }
        if question.method == .head, !Retry.isTransient(status: exchange.head.status) {
            try await explain(question, in: place)
        }
        throw try await refusal(exchange, question, in: place, used)
    }

    /// The answer to HEAD has no body. The same question as a GET for a byte gets the words.
    private func explain(_ question: Question, in place: S3Place) async throws {
        var other = Question(.get, question.key, question.words)
        other.range = 0..<1
        _ = try await once(other, in: place, accepting: [200, 206, 404, 416])
    }

    /// The error of an answer that was not accepted.
    func refusal(
        _ exchange: HTTPExchange, _ question: Question, in place: S3Place, _ used: S3Credentials?
    ) async throws -> any Error {
        var body: [UInt8] = []
        do {
            body = try await exchange.beginning(limit: S3Client.largestRefusal)
        } catch { try Task.checkCancellation() }
        return refusal(exchange.head, body, question, in: place, used)
    }

    static let largestRefusal = 64 << 10

    func refusal(
        _ head: HTTPHead, _ body: [UInt8], _ question: Question, in place: S3Place, _ used: S3Credentials?
    ) -> any Error {
        let answer = S3Answer(
            head: head, refusal: S3Refusal(parsing: body), words: question.words, place: place,
            host: "\(endpoint.origin.authority)", region: endpoint.region, credentials: used, now: now())
        if answer.isAboutCredentials, let used, credentials.forget(used) {
            return TransientFailure(answer.error, asked: .zero, words: "new credentials")
        }
        return answer.isTransient
            ? TransientFailure(answer.error, asked: answer.asked, words: "server error") : answer.error
    }
}
