/// What requests to object storage are signed with. The secret is never shown: printing or dumping one says only where
/// it came from.
public struct S3Credentials: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public let keyID: String
    public let secret: String
    /// Sent with each request by temporary credentials.
    public let session: String?
    /// Seconds since 1970; nil for credentials without an end.
    public let end: Int?
    /// For people: `AWS_ACCESS_KEY_ID`, `the profile work of ~/.aws/credentials`.
    public let source: String

    public init(
        keyID: String, secret: String, session: String? = nil, end: Int? = nil, source: String
    ) throws(CakeError) {
        // Anything else could end a header line and begin another.
        let isPlain = { (text: String) in !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7e).contains($0) } }
        guard isPlain(keyID), keyID.utf8.count <= 256, !keyID.contains("/"), isPlain(secret), secret.utf8.count <= 1024,
            session.map({ isPlain($0) && $0.utf8.count <= 16 << 10 }) ?? true
        else {
            throw CakeError(
                .usage, "the access key from \(source) has wrong characters, or is empty",
                fix: "copy key and secret again")
        }
        (self.keyID, self.secret, self.session, self.end, self.source) = (keyID, secret, session, end, source)
    }

    public var description: String { "credentials from \(source)" }

    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }

    /// The answer of a token service to AssumeRoleWithWebIdentity.
    public init(ofRole answer: [UInt8], source: String) throws(CakeError) {
        let document = try XMLElement(parsing: answer)
        let found = document["AssumeRoleWithWebIdentityResult"]?["Credentials"]
        guard let found, let keyID = found.text("AccessKeyId"), let secret = found.text("SecretAccessKey"),
            let session = found.text("SessionToken"), let end = found.text("Expiration").flatMap(S3Time.seconds)
        else { throw CakeError(.damaged, "the token service sent no credentials") }
        try self.init(keyID: keyID, secret: secret, session: session, end: end, source: source)
    }

    /// The answer of a machine's metadata service.
    public init(ofMachine answer: [UInt8], source: String) throws(CakeError) {
        let document = try JSONValue(parsing: answer.span)
        guard let keyID = document["AccessKeyId"]?.string, let secret = document["SecretAccessKey"]?.string,
            let session = document["Token"]?.string, let end = document["Expiration"]?.string.flatMap(S3Time.seconds)
        else { throw CakeError(.damaged, "the metadata service sent no credentials") }
        try self.init(keyID: keyID, secret: secret, session: session, end: end, source: source)
    }
}
