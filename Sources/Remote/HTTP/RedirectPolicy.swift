internal import Model
internal import Network

/// How a request goes where servers send it. How far that may be is checked by `Redirects` at each step: never to where it
/// is not encrypted when it was, never further into a private network than the server that sends there.
struct RedirectPolicy {
    typealias Header = (name: String, value: String)

    /// The credentials for the present address.
    let secret: (Redirects) throws -> Header?
    /// Of others the redirect itself is the answer.
    var methods: Set<HTTPRequest.Method> = [.get, .head]
    /// Ends with the redirect itself where it leads to an origin that may not see the secret.
    var endsElsewhere = false
    /// Hears each answer, and of which origin it is.
    var hears: (HTTPHead, Origin) -> Void = { _, _ in }

    init(showing secret: @escaping (Redirects) throws -> Header?) { self.secret = secret }

    /// A token for the origin that is asked first. No other sees it, nor does that one again once another was on the way.
    static func token(_ header: Header?) -> RedirectPolicy { RedirectPolicy { $0.mayCarryToken ? header : nil } }
}

/// A body to send: its length, and `feed`, which sends it.
typealias SentBody = (length: UInt64, feed: @Sendable (HTTPSender) async throws -> Void)

extension HTTPClient {
    /// Sends a request along a way, and on to where servers send it. Returns the first answer that is no redirect.
    func follow(
        _ request: HTTPRequest, _ way: inout Redirects, by policy: RedirectPolicy, sending body: SentBody? = nil
    ) async throws -> HTTPExchange {
        while true {
            var next = request
            next.go(along: way)
            if let header = try policy.secret(way) { next.headers.append(header) }
            let asked = next
            let exchange = try await TransientFailure.naming {
                guard let body, body.length > 0 else { return try await open(asked) }
                return try await open(asked, sending: body.length, body.feed)
            }
            let head = exchange.head
            policy.hears(head, way.url.origin)
            guard [301, 302, 303, 307, 308].contains(head.status), policy.methods.contains(request.method) else {
                return exchange
            }
            try way.follow(head["location"], at: head.reach)
            if policy.endsElsewhere, !way.mayCarryToken { return exchange }
        }
    }
}
