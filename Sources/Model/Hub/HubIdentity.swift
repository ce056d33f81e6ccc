/// The account of a token, by `whoami-v2`.
public struct HubIdentity: Hashable, Sendable {
    public let name: String
    public let fullName: String?
    public let organisations: [String]
    /// The name that its owner gave the token.
    public let tokenName: String?
    /// `read`, `write`, `fineGrained`.
    public let role: String?

    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: bytes)
        } catch {
            throw HubInfo.refuse("is not valid: \(error.what)")
        }
        guard let name = document["name"]?.string else { throw HubInfo.refuse("has no user name") }
        self.name = name
        fullName = document["fullname"]?.string
        organisations = (document["orgs"]?.array ?? []).prefix(1000).compactMap { $0["name"]?.string }
        tokenName = document["auth"]?["accessToken"]?["displayName"]?.string
        role = document["auth"]?["accessToken"]?["role"]?.string
    }
}
