/// The way from a URL to where its bytes are, one `Location` after the other. Each step is checked before it is taken.
public struct Redirects: Sendable {
    public static let limit = 10

    /// Where to ask now.
    public private(set) var url: WebURL
    public private(set) var hops = 0
    private let start: Origin
    /// Of where it was sent; nil for where it starts, unless that was named by a server.
    public private(set) var limit: AddressLimit?

    /// False for good once another origin was on the way: a server that redirects back is not the one that was asked.
    public private(set) var mayCarryToken = true

    /// What a person may do about a bad redirect; nil for a Hub.
    private let remedy: String?

    public init(from url: WebURL, limit: AddressLimit? = nil, remedy: String? = nil) {
        self.url = url
        self.limit = limit
        self.remedy = remedy
        start = url.origin
    }

    /// `answered` is the reach of the address that the answer came from; nil where a proxy stood between.
    public mutating func follow(_ location: String?, at answered: Host.Reach?) throws(CakeError) {
        guard let location else {
            throw CakeError(
                .failed, "\(url.origin) redirects without an address", fix: remedy ?? Redirects.advice)
        }
        guard hops < Redirects.limit else {
            throw CakeError(
                .failed, "\(start) redirects more than \(Redirects.limit) times",
                fix: remedy ?? Redirects.advice)
        }
        let next: WebURL
        do {
            next = try url.resolving(location)
        } catch {
            throw CakeError(
                .failed, "\(url.origin) redirects, but \(HubAnswer.tame(error.what))",
                fix: remedy ?? Redirects.advice)
        }
        if url.origin.scheme == .https, next.origin.scheme == .http {
            throw CakeError(
                .failed, "\(url.origin) redirects to \(next.origin), which is not encrypted",
                fix: remedy ?? Redirects.advice)
        }
        let most = AddressLimit(
            from: url.origin, at: answered,
            CakeError(
                .failed, "\(url.origin) redirects to \(next.origin), in the local network or on this machine",
                fix: remedy ?? "if you mean that server, use its own address: HF_ENDPOINT=\(next.origin)"))
        try most.check(next.origin)
        limit = most
        if !Origin.mayCarryToken(from: start, to: next.origin) { mayCarryToken = false }
        url = next
        hops += 1
    }

    private static let advice = "check HF_ENDPOINT; if it is right, ask the operator of that server or of a proxy"
}
