/// The way from a URL to where its bytes are, one `Location` after the other. Each step is checked before it is taken.
public struct Redirects: Sendable {
    public static let limit = 10

    /// Where to ask now.
    public private(set) var url: WebURL
    public private(set) var hops = 0
    private let start: Origin

    /// False once another origin was on the way, and for good: whoever sends one back is not the one that was asked.
    public private(set) var mayCarryToken = true

    public init(from url: WebURL) {
        self.url = url
        start = url.origin
    }

    public mutating func follow(_ location: String?) throws(CakeError) {
        guard let location else {
            throw CakeError(.failed, "\(url.origin) sends elsewhere without saying where", fix: Redirects.advice)
        }
        guard hops < Redirects.limit else {
            throw CakeError(
                .failed, "\(start) sends from place to place, more than \(Redirects.limit) times",
                fix: Redirects.advice)
        }
        let next: WebURL
        do {
            next = try url.resolving(location)
        } catch {
            throw CakeError(
                .failed, "\(url.origin) sends elsewhere, but \(HubAnswer.tame(error.what))", fix: Redirects.advice)
        }
        if url.origin.scheme == .https, next.origin.scheme == .http {
            throw CakeError(
                .failed, "\(url.origin) sends to \(next.origin), which is not encrypted", fix: Redirects.advice)
        }
        if next.origin.host.reach > url.origin.host.reach {
            throw CakeError(
                .failed, "\(url.origin) sends to \(next.origin), an address inside this network or machine",
                fix: "if that server is meant, give its own address: HF_ENDPOINT=\(next.origin)")
        }
        if !Origin.mayCarryToken(from: start, to: next.origin) { mayCarryToken = false }
        url = next
        hops += 1
    }

    private static let advice = "whoever runs that server, or a proxy on the way, can mend it; is HF_ENDPOINT right?"
}
