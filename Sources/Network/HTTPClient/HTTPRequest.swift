public import Model
internal import Platform

/// A request to a server.
public struct HTTPRequest: Sendable {
    public enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    public var method = Method.get
    public var url: String
    /// Name and value, as they go on the wire.
    public var headers: [(name: String, value: String)] = []
    public var body: [UInt8] = []
    /// Only these bytes of it.
    public var range: Range<UInt64>?
    /// For an answer that takes its time, in seconds; nil for the usual patience.
    public var stallSeconds: Int?
    /// Nil for an address that a person named.
    public var limit: AddressLimit?

    public init(_ method: Method = .get, _ url: String = "") {
        self.method = method
        self.url = url
    }

    public init(_ method: Method = .get, along way: Redirects) {
        self.init(method)
        go(along: way)
    }

    public mutating func go(along way: Redirects) {
        url = way.url.text
        limit = way.limit
    }
}

/// The first part of an answer: its status and headers. No byte of the body is passed on before the caller has looked
/// at them.
public struct HTTPHead: Sendable {
    public let status: Int
    /// Of the answering address; nil if a proxy was in between.
    public let reach: Host.Reach?
    private let fields: [(name: String, value: String)]

    init(status: Int, reach: Host.Reach? = nil, fields: [(name: String, value: String)]) {
        self.status = status
        self.reach = reach
        self.fields = fields
    }

    /// The first header with that name, in any case.
    public subscript(name: String) -> String? {
        let wanted = name.lowercased()
        return fields.first { $0.name == wanted }?.value
    }

    /// The headers of that name, as one list.
    public func list(_ name: String) -> String? {
        let wanted = name.lowercased()
        let values = fields.lazy.filter { $0.name == wanted }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// The length that was announced, when it is a number.
    public var contentLength: UInt64? { self["content-length"].flatMap { UInt64($0) } }
}

/// How a client talks to every server.
public struct HTTPSettings: Sendable {
    public var userAgent: String
    /// A file of certificates to trust instead of the system's.
    public var certificates: String?
    /// Folders whose certificates are trusted too, as OpenSSL reads them: separated by colons, files named by hashes.
    public var certificateFolders: String?
    /// A connection on which nothing moves for this long is cut, unless the reader pauses it.
    public var stallSeconds = 20
    public var connectSeconds = 15
    /// Bodies that wait for a reader: past this the server is held back.
    public var bufferedBytes = 4 << 20

    public var proxies = ProxyRule(Environment(reading: ProxyRule.variables).variables)
    /// Hosts of tests: the address of each, and the reach that replaces its own.
    package var hosts: [String: (address: String, reach: Host.Reach?)] = [:]

    /// Told of each request when the head of its answer is there, or when it failed.
    public var observer: (@Sendable (HTTPObservation) -> Void)?

    public init(userAgent: String) { self.userAgent = userAgent }
}

/// A request and how it went.
public struct HTTPObservation: Sendable {
    public let method: HTTPRequest.Method
    /// Without its query, which may hold a signature.
    public let address: String
    public let range: Range<UInt64>?
    /// Nil when there was no answer.
    public let status: Int?
    public let time: Duration
}
