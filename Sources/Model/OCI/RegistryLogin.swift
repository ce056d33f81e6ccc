/// The secret that identifies a caller to a registry. It is never shown: printing or dumping one says only that there
/// is one.
public struct RegistryLogin: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    public enum Secret: Hashable, Sendable {
        case password(user: String, String)
        /// The token server exchanges it for other tokens.
        case identity(String)
        /// Sent as it is.
        case token(String)
    }

    public let secret: Secret

    public init(_ secret: Secret) { self.secret = secret }

    public init(user: String, password: String) throws(CakeError) {
        guard !user.isEmpty, !user.utf8.contains(UInt8(ascii: ":")), user.unicodeScalars.allSatisfy(Printable.isPlain)
        else {
            throw CakeError(.usage, "\"\(Printable.escape(user))\" is not a user name: it is empty or has a colon")
        }
        guard !password.isEmpty, password.utf8.count <= 64 << 10 else {
            throw CakeError(.usage, "the password is empty, or too long")
        }
        self.init(.password(user: user, password))
    }

    public var user: String? { if case .password(let user, _) = secret { user } else { nil } }

    /// For a basic challenge, and for the token server.
    public var basic: String? {
        guard case .password(let user, let password) = secret else { return nil }
        return "Basic " + Base64.encode("\(user):\(password)".utf8)
    }

    public var description: String { "a login" }

    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// A short-lived token that a login gets.
public struct RegistryToken: Sendable {
    public let text: String
    /// For how many seconds it is good.
    public let seconds: UInt64

    public static let maximumAnswer = 64 << 10

    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        let document = try JSONValue(parsing: bytes, repeatedKeys: .kept)
        guard let text = document["token"]?.string ?? document["access_token"]?.string, !text.isEmpty,
            text.utf8.count <= 32 << 10, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw CakeError(.failed, "the answer contains no token") }
        self.text = text
        // The least that the protocol allows, where nothing is said.
        seconds = document["expires_in"]?.unsigned ?? 60
    }
}
