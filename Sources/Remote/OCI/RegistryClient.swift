public import Model
public import Network
internal import Platform
internal import Synchronization

/// One registry: sends requests, answers its challenges, and retries temporary failures. A login goes to the registry
/// and to the token server that it names, and follows no redirect to another.
public final class RegistryClient: Sendable {
    public let routes: RegistryRoutes
    let http: HTTPClient
    private let credentials: RegistryCredentials
    /// The data of the registry, where no server is asked.
    let bucket: BucketRegistry?
    /// Nil if the caller has another server to ask: then each request is sent once.
    private let retry: Retry?
    private let state = Mutex(State())

    private struct State {
        /// Sent with every request once the registry asked for a password.
        var basic: String?
        var tokens: [Set<RegistryScope>: Granted] = [:]
        /// Of the address that the registry answered from last.
        var reach: Host.Reach?
    }

    private struct Granted {
        let header: String
        let end: ContinuousClock.Instant
    }

    public init(
        _ routes: RegistryRoutes, as credentials: RegistryCredentials, client: HTTPClient, retry: Retry? = Retry()
    ) {
        self.retry = retry
        self.routes = routes
        self.credentials = credentials
        http = client
        bucket = nil
    }

    /// A registry's data in a bucket. No login is shown there: requests are signed.
    public init(bucket name: String, _ client: S3Client) {
        retry = nil
        routes = RegistryRoutes(bucket: name, at: client.endpoint)
        credentials = RegistryCredentials(files: [], own: nil)
        http = client.http
        bucket = BucketRegistry(name, client)
    }

    /// The same registry without a login. One request: a failure counts as a no.
    var anonymous: RegistryClient {
        RegistryClient(routes, as: RegistryCredentials(files: [], own: nil), client: http, retry: nil)
    }

    /// The request, for an error message, and the right that it needs.
    package struct Purpose: Sendable {
        let words: String
        let scopes: Set<RegistryScope>
    }

    /// An answer with one of the statuses, with retries after temporary failures. GET and HEAD follow redirects.
    func ask(
        _ request: HTTPRequest, at url: WebURL, for purpose: Purpose, accepting statuses: Set<Int>
    ) async throws -> HTTPExchange {
        try await retrying { try await once(request, at: url, for: purpose, accepting: statuses) }
    }

    /// The same, tried once; `feed` sends a body of so many bytes.
    func once(
        _ request: HTTPRequest, at url: WebURL, for purpose: Purpose, accepting statuses: Set<Int>,
        sending body: SentBody? = nil
    ) async throws -> HTTPExchange {
        var way = Redirects(from: url, limit: limit(on: url.origin), remedy: "ask the operator of \(routes)")
        var answered = 0
        var used: String?
        var policy = RedirectPolicy { [self] way in
            used = isOurs(way) ? authorization(for: purpose.scopes) : nil
            return used.map { ("Authorization", $0) }
        }
        policy.hears = { [self] head, origin in
            if origin == routes.origin { state.withLock { $0.reach = head.reach } }
        }
        while true {
            let exchange: HTTPExchange
            do {
                exchange = try await http.follow(request, &way, by: policy, sending: body)
            } catch let failure as TransientFailure { throw naming(failure) }
            let status = exchange.head.status
            if statuses.contains(status) { return exchange }
            let refusal = try await refusal(exchange, purpose, isOurs(way) ? sent(used, purpose, status) : .none)
            guard status == 401, isOurs(way), answered < 2 else { throw refusal }
            let challenges = Challenge.all(in: exchange.head.list("www-authenticate") ?? "")
            guard try await answer(challenges, for: purpose, having: used) else { throw refusal }
            answered += 1
        }
    }

    /// A login is shown to the registry itself, unless another was on the way.
    private func isOurs(_ way: Redirects) -> Bool { way.mayCarryToken && way.url.origin == routes.origin }

    /// The login that the registry got: a password itself, or a token for one.
    private func sent(
        _ header: String?, _ purpose: Purpose, _ status: Int
    ) throws(CakeError) -> RegistryAnswer.Login {
        guard let header, status == 401 else { return .none }
        // A request that every login may make says something about the login alone.
        if header.utf8.starts(with: "Basic ".utf8) { return purpose.scopes.isEmpty ? .rejected : .refused }
        let hasLogin = try credentials.login(for: routes.host, purpose.scopes.first?.repository.text) != nil
        return hasLogin ? .insufficient : .none
    }

    /// A small answer as a whole.
    func document(
        at url: WebURL, for purpose: Purpose, headers: [(name: String, value: String)] = [], limit: Int,
        accepting statuses: Set<Int> = [200]
    ) async throws -> (head: HTTPHead, body: [UInt8]) {
        var request = HTTPRequest(.get, url.text)
        request.headers = headers
        let asked = request
        return try await retrying {
            let exchange = try await once(asked, at: url, for: purpose, accepting: statuses)
            return (exchange.head, try await TransientFailure.naming { try await exchange.body(limit: limit) })
        }
    }

    private func retrying<Result>(_ work: () async throws -> Result) async throws -> Result {
        guard let retry else { return try await work() }
        return try await TransientFailure.retrying(by: retry, work)
    }

    /// Addresses that the registry names lead no further in than the registry itself.
    func limit(on origin: Origin) -> AddressLimit? {
        guard origin != routes.origin else { return nil }
        return AddressLimit(
            from: routes.origin, at: state.withLock { $0.reach },
            CakeError(
                .notAuthorised, "\(routes) redirects to \(origin), in the local network or on this machine",
                fix: "ask the operator of \(routes)"))
    }

    func refusal(
        _ exchange: HTTPExchange, _ purpose: Purpose, _ login: RegistryAnswer.Login = .none
    ) async throws -> any Error {
        var words: [UInt8] = []
        do {
            words = try await exchange.beginning(limit: HubAnswer.maximumBody)
        } catch { try Task.checkCancellation() }
        let head = exchange.head
        // Go's servers and nginx answer this to a client without TLS.
        if head.status == 400, routes.origin.scheme == .http, words.firstRange(of: Array("HTTPS".utf8)) != nil {
            return speaksTLS
        }
        let error = RegistryAnswer(status: head.status, body: words.span).error(
            purpose.words, of: "\(routes)", at: routes.loginWords, login)
        guard Retry.isTransient(status: head.status) else { return error }
        let asked = Retry.asked(retryAfter: head["retry-after"], rateLimit: head["ratelimit"], now: Machine.now)
        return TransientFailure(error, asked: asked)
    }

    private static let isEncrypted = "uses TLS, and was asked without it"

    private var speaksTLS: CakeError {
        CakeError(.network, "\(routes) \(RegistryClient.isEncrypted)", fix: tlsAdvice)
    }

    private var tlsAdvice: String {
        routes.allowsPlainHTTP
            ? "leave out --plain-http"
            : "write https://\(routes), or oci+https://\(routes) where it says oci://\(routes)"
    }

    package static func isOfEncryption(_ error: CakeError) -> Bool {
        error.what.hasSuffix(isEncrypted) || error.fix?.contains("uses TLS") == true
    }

    /// The failure of a request without TLS, if it looks as if TLS was expected.
    private func naming(_ failure: TransientFailure) -> any Error {
        let what = failure.error.what
        guard routes.origin.scheme == .http else { return failure }
        // TLS answers with an alert of its own, in which curl sees the oldest HTTP.
        if what.contains("HTTP/0.9") { return speaksTLS }
        guard ["Empty reply", "reset by peer"].contains(where: what.contains) else { return failure }
        return TransientFailure(
            CakeError(.network, what, fix: "if \(routes) uses TLS, \(tlsAdvice)"), asked: failure.asked)
    }

    /// Checks that it is a registry, and that it accepts the login.
    public func check() async throws {
        let purpose = Purpose(words: "a look at it", scopes: [])
        let answer = try await document(at: routes.base, for: purpose, limit: 1 << 20, accepting: [200, 404])
        guard answer.head.status == 200 else {
            throw CakeError(.notFound, "\(routes) is not a registry: it has no /v2/", fix: "check host and port")
        }
    }

    // Logins.

    private func authorization(for scopes: Set<RegistryScope>) -> String? {
        state.withLock { state in
            if let granted = state.tokens[scopes], granted.end > .now { return granted.header }
            return state.basic
        }
    }

    /// Finds the credentials that the registry wants. False if there are none that were not tried.
    private func answer(
        _ challenges: [Challenge], for purpose: Purpose, having used: String?
    ) async throws -> Bool {
        let login = try credentials.login(for: routes.host, purpose.scopes.first?.repository.text)
        if login != nil, !routes.mayTell(routes.origin) {
            throw CakeError(
                .notAuthorised, "\(routes) is not encrypted, and cake sends no login there",
                fix: "--plain-http allows it")
        }
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
            // A new token that is refused is refused for good, unless the registry says that it lacks a right.
            let isFresh = used?.utf8.starts(with: "Bearer ".utf8) == true
            if isFresh, bearer["error"] == "invalid_token" {
                state.withLock { $0.tokens[purpose.scopes] = nil }
            }
            if case .token(let token) = login?.secret {
                guard used == nil else { return false }
                grant(token, seconds: .max, for: purpose.scopes)
                return true
            }
            let token = try await token(bearer, login, purpose)
            let header = "Bearer " + token.text
            guard header != used else { return false }
            grant(token.text, seconds: token.seconds, for: purpose.scopes)
            return true
        }
        guard challenges.contains(where: { $0.scheme == "basic" }), let basic = login?.basic, basic != used else {
            return false
        }
        state.withLock { $0.basic = basic }
        return true
    }

    private func grant(_ token: String, seconds: UInt64, for scopes: Set<RegistryScope>) {
        // Not to the last second: a request takes its time to get there.
        let time = Duration.seconds(Int64(max(min(seconds, 86_400), 20)) - 10)
        state.withLock { $0.tokens[scopes] = Granted(header: "Bearer " + token, end: .now + time) }
    }

    /// Asks the token server in the challenge.
    private func token(
        _ challenge: Challenge, _ login: RegistryLogin?, _ purpose: Purpose
    ) async throws -> RegistryToken {
        func refuse(_ why: String) -> CakeError {
            CakeError(
                .notAuthorised, "\(routes) names a token server that \(why)", fix: "ask the operator of \(routes)")
        }
        guard let text = challenge["realm"], var url = try? WebURL(text) else { throw refuse("has no address") }
        guard routes.mayTell(url.origin), routes.origin.scheme == .http || url.origin.scheme == .https else {
            throw refuse("is not encrypted: \(url.origin)")
        }
        try limit(on: url.origin)?.check(url.origin)
        var scopes = purpose.scopes.map(\.description)
        if let scope = challenge["scope"], !scopes.contains(scope), scope.utf8.count < 4096 { scopes.append(scope) }
        scopes.sort()
        let what = Purpose(words: "a token", scopes: [])
        var request = HTTPRequest(.get, "")
        if case .identity(let token) = login?.secret {
            request = HTTPRequest(.post, "")
            let form = [
                ("grant_type", "refresh_token"), ("service", challenge["service"] ?? ""), ("client_id", "cake"),
                ("scope", scopes.joined(separator: " ")), ("refresh_token", token),
            ]
            request.headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            request.body = Array(FormText.encode(form).utf8)
        } else {
            if let service = challenge["service"] { url = url.adding("service", service) }
            for scope in scopes { url = url.adding("scope", scope) }
            url = url.adding("client_id", "cake")
        }
        let (place, basic, start) = (url, login?.basic, request)
        return try await retrying {
            var way = Redirects(from: place, limit: limit(on: place.origin), remedy: "ask the operator of \(routes)")
            var policy = RedirectPolicy { way in
                // A login sent to one server goes to no other.
                if start.method == .post, !way.mayCarryToken { throw refuse("redirects a login") }
                return way.mayCarryToken ? basic.map { ("Authorization", $0) } : nil
            }
            policy.methods = [.get, .post]
            let exchange = try await http.follow(start, &way, by: policy)
            guard exchange.head.status == 200 else {
                throw try await refusal(exchange, what, login == nil ? .none : .rejected)
            }
            let body = try await TransientFailure.naming {
                try await exchange.body(limit: RegistryToken.maximumAnswer)
            }
            do throws(CakeError) {
                return try RegistryToken(parsing: body.span)
            } catch { throw refuse("sends an invalid answer: \(error.what)") }
        }
    }
}
