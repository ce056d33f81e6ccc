internal import Mirror
import Model
import Network
import Platform
internal import Storage
import Store
import Transfer

/// The sender of a request, and its rights.
struct Caller: Sendable {
    private enum Rights: Sendable {
        /// There are no tokens: every caller may do everything that the server does.
        case everything
        case reading
        case none
        case token(AccessToken)
    }

    private let rights: Rights

    /// Throws if the request's credentials are wrong, or missing where they are needed.
    init(_ request: ServerRequest, _ tokens: AccessTokens, letsAnybodyRead: Bool) throws(RegistryError) {
        guard !tokens.all.isEmpty else {
            rights = .everything
            return
        }
        guard let header = request["authorization"] else {
            rights = letsAnybodyRead ? .reading : .none
            return
        }
        guard let secret = Authorization.secret(in: header),
            let token = tokens.token(of: SHA256.digest(of: Array(secret.utf8).span))
        else { throw Caller.refusal("this server does not know the token") }
        rights = .token(token)
    }

    func mayRead(_ repository: RepositoryName) -> Bool {
        switch rights {
        case .everything, .reading: true
        case .none: false
        case .token(let token): token.allows(.read, repository)
        }
    }

    /// By the names under which a registry may show the same model.
    func mayRead(_ repository: HubRepository) -> Bool {
        guard case .token = rights else { return mayAsk }
        let names =
            repository.kind == .model ? [repository.id] : [repository.id, "\(repository.kind.plural)/\(repository.id)"]
        return names.allSatisfy { name in
            guard let name = try? ModelName(name), let served = ServedName(name) else { return false }
            return mayRead(served.repository)
        }
    }

    func mayPush(_ repository: RepositoryName) -> Bool {
        switch rights {
        case .everything: true
        case .reading, .none: false
        case .token(let token): token.allows(.push, repository)
        }
    }

    /// The readers that it acts as; empty if it may read nothing.
    var readers: [RegistryReader] {
        switch rights {
        case .everything, .reading: [.everyone]
        case .none: []
        case .token(let token): [.token(token)]
        }
    }

    /// Whether the caller is identified, if the server has tokens.
    var isKnown: Bool {
        switch rights {
        case .everything, .token: true
        case .reading, .none: false
        }
    }

    /// The one that was sent, where it is this server's.
    var token: AccessToken? { if case .token(let token) = rights { token } else { nil } }

    /// For another Hub. If this server has tokens, the request's token is one of those, and goes nowhere else.
    func asker(_ request: ServerRequest) -> Mirror.UpstreamIdentity {
        guard case .everything = rights else {
            if case .token = rights { return Mirror.UpstreamIdentity(token: nil, isTrusted: true) }
            return Mirror.UpstreamIdentity(token: nil)
        }
        let secret = request["authorization"].flatMap { Authorization.secret(in: $0) }
        return Mirror.UpstreamIdentity(token: secret.flatMap { try? HubToken($0) })
    }

    var mayAsk: Bool { if case .none = rights { false } else { true } }

    func check(_ isAllowed: Bool, _ repository: RepositoryName? = nil) throws(RegistryError) {
        if isAllowed { return }
        guard isKnown else { throw Caller.refusal("this needs a token of this server") }
        throw RegistryError(403, .denied, "the token does not allow this", detail: repository?.text)
    }

    private static func refusal(_ why: String) -> RegistryError { RegistryError(401, .unauthorized, why) }

    /// Names the scheme that clients know best; a token may come as a bearer's, too.
    static let challenge = (name: "WWW-Authenticate", value: "Basic realm=\"cake\", charset=\"UTF-8\"")
}
