/// The access that a Hub gives to a reader of a repository, for the Xet server that stores its files.
public struct XetAccess: Sendable, CustomStringConvertible, CustomReflectable {
    public static let maximumSize = 64 << 10
    /// So long before its end a token is replaced: a question takes time, and clocks differ.
    public static let margin = 60

    /// Where the server is, without a slash at the end.
    public let server: WebURL
    /// In seconds since 1970.
    public let expires: Int
    public let limit: AddressLimit?
    private let token: String

    /// `answered` is the reach of the Hub's address; nil where a proxy stood between.
    public init(parsing bytes: Span<UInt8>, from hub: WebURL, at answered: Host.Reach? = nil) throws(CakeError) {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: bytes)
        } catch {
            throw HubInfo.refuse("is not valid: \(error.what)")
        }
        guard let token = document["accessToken"]?.string, let address = document["casUrl"]?.string,
            let expires = document["exp"]?.unsigned.flatMap({ Int(exactly: $0) })
        else { throw HubInfo.refuse("gives no access to Xet") }
        // Anything else could end a header line and begin another.
        guard !token.isEmpty, token.utf8.count <= 16 << 10, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw HubInfo.refuse("gives a token for Xet that does not fit into a header")
        }
        // A Hub is believed no further than when it sends elsewhere: not out of encryption, nor into this network.
        var way = Redirects(from: hub)
        try way.follow(address, at: answered)
        limit = way.limit
        guard way.url.query == nil else { throw HubInfo.refuse("names a Xet server with a question mark") }
        var path = way.url.path
        while path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
        server = WebURL(origin: way.url.origin, path: path)
        self.expires = expires
        self.token = token
    }

    /// For that server, and no other.
    public var header: (name: String, value: String) { ("Authorization", "Bearer \(token)") }

    public func isFresh(at now: Int) -> Bool { expires > now && expires - now > XetAccess.margin }

    /// Which chunks a file is made of; of versions 1 and 2.
    public func reconstruction(of file: XetHash, version: Int) -> WebURL {
        WebURL(origin: server.origin, path: server.path + "/v\(version)/reconstructions/\(file)")
    }

    public var description: String { "access to \(server)" }

    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
