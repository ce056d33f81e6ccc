public import Model
internal import Platform
internal import Synchronization

/// Who may do what in the registry, in a file that only its owner reads.
extension RegistryStore {
    /// As the file has them now: what is added or taken away counts at once.
    public func tokens() throws(CakeError) -> AccessTokens {
        guard let status = try Disk.status(layout.tokens) else { return AccessTokens() }
        if let known = knownTokens.tokens(unchangedSince: status) { return known }
        let tokens = try AccessTokens(decoding: Disk.read(layout.tokens, limit: AccessTokens.maximumSize))
        knownTokens.note(tokens, status)
        return tokens
    }

    /// Makes a token, and gives its secret, which is nowhere else.
    public func addToken(
        _ name: String, read: [RepositoryPattern], push: [RepositoryPattern]
    ) throws(CakeError) -> String {
        try AccessToken.check(name: name)
        var random = SystemRandomNumberGenerator()
        let secret = "cake_" + Digest(words: (random.next(), random.next(), random.next(), random.next())).hex
        try change { tokens throws(CakeError) in
            guard tokens[name] == nil else {
                throw CakeError(
                    .usage, "there is a token \(name) already",
                    fix: "cake serve token rm \(name), or choose another name")
            }
            tokens.add(
                AccessToken(
                    name: name, secret: SHA256.digest(of: Array(secret.utf8).span), read: read, push: push))
        }
        return secret
    }

    public func removeToken(_ name: String) throws(CakeError) {
        try change { tokens throws(CakeError) in
            guard tokens[name] != nil else {
                throw CakeError(
                    .notFound, "there is no token \"\(Printable.escape(name))\"", fix: "cake serve token ls lists them")
            }
            tokens.remove(name)
        }
    }

    private func change(_ body: (inout AccessTokens) throws(CakeError) -> Void) throws(CakeError) {
        try locked(alone: true) { () throws(CakeError) in
            var tokens = try tokens()
            try body(&tokens)
            try put(layout.tokens, [tokens.encoded], isPrivate: true)
        }
    }
}

/// The tokens as they were read last.
final class KnownTokens: Sendable {
    private let known = Mutex<(tokens: AccessTokens, status: Disk.Status)?>(nil)

    func tokens(unchangedSince status: Disk.Status) -> AccessTokens? {
        known.withLock { known in
            guard let known, status.isUnchanged(since: known.status) else { return nil }
            return known.tokens
        }
    }

    func note(_ tokens: AccessTokens, _ status: Disk.Status) { known.withLock { $0 = (tokens, status) } }
}
