/// Rights in a registry: a name, the digest of a secret, and the repositories that its bearer may read and push to.
public struct AccessToken: Hashable, Sendable {
    public let name: String
    /// The secret itself is nowhere kept.
    public let secret: Digest
    /// A right to push includes the right to read.
    public let read: [RepositoryPattern]
    public let push: [RepositoryPattern]

    public init(name: String, secret: Digest, read: [RepositoryPattern], push: [RepositoryPattern]) {
        self.name = name
        self.secret = secret
        self.read = read
        self.push = push
    }

    public func allows(_ action: Action, _ repository: RepositoryName) -> Bool {
        push.contains { $0.fits(repository) } || action == .read && read.contains { $0.fits(repository) }
    }

    public enum Action: Sendable { case read, push }

    /// Letters, digits and `._-`: people type it.
    public static func check(name: String) throws(CakeError) {
        guard TagName(name) != nil else {
            throw CakeError(
                .usage, "\"\(Printable.escape(name))\" cannot be a token's name",
                fix: "use letters, digits, dots, dashes and underscores")
        }
    }
}

/// `team/*`: the name of a repository, in which `*` matches anything, slashes too.
public struct RepositoryPattern: Hashable, Sendable, CustomStringConvertible {
    public static let all = RepositoryPattern(unchecked: "*")

    private let text: String

    private init(unchecked text: String) { self.text = text }

    public init(_ text: String) throws(CakeError) {
        let isName = RepositoryName(String(text.map { $0 == "*" ? "a" : $0 })) != nil
        guard isName, text.utf8.count <= RepositoryName.maximumLength else {
            throw CakeError(
                .usage, "\"\(Printable.escape(text))\" matches no repository's name",
                fix: "write it like team/model, 'team/*' or '*'")
        }
        self.text = text
    }

    public var description: String { text }

    public func fits(_ name: RepositoryName) -> Bool { StarPattern(text).fits(name.text) }
}

/// The tokens of a registry, as they are kept.
public struct AccessTokens: Hashable, Sendable {
    public private(set) var all: [AccessToken]

    private static let mark = "cake registry tokens 1"
    public static let maximumSize = 1 << 20

    public init() { all = [] }

    public subscript(name: String) -> AccessToken? { all.first { $0.name == name } }

    public mutating func add(_ token: AccessToken) { all.append(token) }

    public mutating func remove(_ name: String) { all.removeAll { $0.name == name } }

    /// Looks at every token, and at every word of each: the time reveals nothing.
    public func token(of secret: Digest) -> AccessToken? {
        var found: AccessToken?
        for token in all where token.secret.isSame(as: secret) { found = token }
        return found
    }

    public var allowsPush: Bool { all.contains { !$0.push.isEmpty } }

    public var encoded: [UInt8] {
        var text = AccessTokens.mark + "\n"
        for token in all {
            let words =
                [token.name, token.secret.hex] + token.read.map { "read=\($0)" } + token.push.map { "push=\($0)" }
            text += words.joined(separator: " ") + "\n"
        }
        return Array(text.utf8)
    }

    /// If the file cannot be read, no token is valid.
    public init(decoding bytes: [UInt8]) throws(CakeError) {
        let refused = CakeError(
            .damaged, "the file of the registry's tokens is damaged",
            fix: "delete registry/tokens in the store, and make the tokens again")
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.first == Substring(AccessTokens.mark) else { throw refused }
        all = []
        for line in lines.dropFirst() {
            let words = line.split(separator: " ").map(String.init)
            guard words.count >= 2, TagName(words[0]) != nil, let secret = Digest(hex: words[1]) else { throw refused }
            var (read, push) = ([RepositoryPattern](), [RepositoryPattern]())
            for word in words.dropFirst(2) {
                let text = String(word.dropFirst("read=".count))
                guard let pattern = try? RepositoryPattern(text) else { throw refused }
                switch word.prefix("read=".count) {
                case "read=": read.append(pattern)
                case "push=": push.append(pattern)
                default: throw refused
                }
            }
            all.append(AccessToken(name: words[0], secret: secret, read: read, push: push))
        }
    }
}

extension Digest {
    /// Takes as long whether or not they are the same.
    public func isSame(as other: Digest) -> Bool {
        (words.0 ^ other.words.0) | (words.1 ^ other.words.1) | (words.2 ^ other.words.2) | (words.3 ^ other.words.3)
            == 0
    }
}

/// The credentials in a request.
public enum Authorization {
    /// The secret of a `Bearer` or the password of a `Basic` header; nil when it is neither.
    public static func secret(in header: String) -> String? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let value = parts[1].drop { $0 == " " }
        switch parts[0].lowercased() {
        case "bearer": return String(value)
        case "basic":
            guard let bytes = Base64.decode(String(value)), let text = String(validating: bytes, as: UTF8.self),
                let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
            else { return nil }
            return String(text[text.utf8.index(after: colon)...])
        default: return nil
        }
    }
}
