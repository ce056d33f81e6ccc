public import Model
internal import Platform
internal import Synchronization

/// The rights of tokens in the registry, in a file that only its owner can read.
extension RegistryStore {
    /// As the file has them now: changes count at once. Those of another storage as they were read last: this does not wait.
    public func tokens() throws(CakeError) -> AccessTokens {
        if isDistant, let known = knownTokens.last { return known }
        return try tokensNow().tokens
    }

    /// Reads the tokens of another storage again after a while. To be called now and then. Until the storage answers, the last ones
    /// count.
    public func refreshTokens() {
        guard isDistant, knownTokens.isOld(RegistryStore.tokenLife) else { return }
        _ = try? tokensNow()
    }

    private static let tokenLife = Duration.seconds(2)

    /// The version is read first: a change meanwhile is noticed when they are saved.
    private func tokensNow() throws(CakeError) -> (tokens: AccessTokens, version: RegistryValues.Version?) {
        let found =
            isDistant ? try storage.lookAgain(at: keys.tokens)?.version : try storage.version(at: tokensPath)
        guard let version = found else {
            knownTokens.note(AccessTokens(), nil)
            return (AccessTokens(), nil)
        }
        if let known = knownTokens.tokens(of: version) { return (known, version) }
        guard let bytes = try storage.bytes(at: keys.tokens, limit: AccessTokens.maximumSize, isAgain: true) else {
            return (AccessTokens(), nil)
        }
        let tokens = try AccessTokens(decoding: bytes)
        knownTokens.note(tokens, version)
        return (tokens, version)
    }

    /// Makes a token, and returns its secret, which is stored nowhere.
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
        while true {
            var (tokens, version) = try tokensNow()
            try body(&tokens)
            let condition = version.map { StorageCondition.unchanged($0) } ?? .absent
            if try storage.put(StorageBody(tokens.encoded), at: keys.tokens, if: condition) { return }
        }
    }
}

/// The tokens as they were read last.
final class KnownTokens: Sendable {
    private struct Known {
        let tokens: AccessTokens
        let version: RegistryValues.Version?
        var time = ContinuousClock.now
    }

    private let known = Mutex<Known?>(nil)

    func tokens(of version: RegistryValues.Version) -> AccessTokens? {
        known.withLock { known in
            guard known?.version == version else { return nil }
            known?.time = .now
            return known?.tokens
        }
    }

    func note(_ tokens: AccessTokens, _ version: RegistryValues.Version?) {
        known.withLock { $0 = Known(tokens: tokens, version: version) }
    }

    var last: AccessTokens? { known.withLock { $0?.tokens } }

    func isOld(_ life: Duration) -> Bool { known.withLock { $0.map { .now - $0.time >= life } ?? true } }
}
