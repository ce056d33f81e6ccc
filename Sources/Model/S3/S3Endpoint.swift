/// A server of object storage: where it is, and how its URLs name a bucket.
public struct S3Endpoint: Hashable, Sendable {
    public enum Style: String, Sendable {
        /// `https://host/bucket/key`
        case path
        /// `https://bucket.host/key`
        case virtual
    }

    public let origin: Origin
    public let region: String
    private let style: Style

    /// Without an address, Amazon's for the region. Without a style, the bucket is part of the host only there.
    public init(_ address: String? = nil, region: String, style: Style? = nil) throws(CakeError) {
        guard !region.isEmpty, region.utf8.count < 64,
            region.utf8.allSatisfy({ (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d })
        else {
            throw CakeError(
                .usage, "\"\(Printable.escape(region))\" is not the name of a region", fix: "set AWS_REGION=us-east-1")
        }
        let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        let url = try WebURL(address ?? "https://s3.\(region).\(domain)")
        guard url.path == "/", url.query == nil else {
            throw CakeError(
                .usage, "the S3 endpoint \(url) has a path", fix: "give scheme, host and port only: \(url.origin)")
        }
        origin = url.origin
        self.region = region
        self.style = style ?? (address == nil ? .virtual : .path)
    }

    /// The address of a value, or of the bucket itself. The query is sorted and encoded as signatures need it.
    public func url(
        _ bucket: String, key: String? = nil, query: [(name: String, value: String)] = []
    ) throws(CakeError) -> WebURL {
        guard key.map(S3Place.isKey) ?? true else {
            throw CakeError(.failed, "\"\(Printable.escape(key ?? ""))\" cannot be a key in a bucket")
        }
        var (origin, path) = (origin, "/")
        // The certificate of a host with a star in its name covers no further dot.
        if style == .virtual, !(bucket.contains(".") && origin.scheme == .https) {
            guard let own = Origin(origin.scheme, authority: Array("\(bucket).\(origin.authority)".utf8)[...]) else {
                throw CakeError(
                    .usage, "the bucket \(bucket) cannot be part of a host's name",
                    fix: "set addressing_style = path in the profile")
            }
            origin = own
        } else {
            path += PercentText.encode(bucket) + (key == nil ? "" : "/")
        }
        if let key { path += PercentText.encode(key, keepingSlashes: true) }
        return WebURL(origin: origin, path: path, query: query.isEmpty ? nil : S3Endpoint.canonical(query))
    }

    /// Sorted by their encoded names, then values.
    public static func canonical(_ query: [(name: String, value: String)]) -> String {
        query.map { (PercentText.encode($0.name), PercentText.encode($0.value)) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    public var description: String { "\(origin.authority)" }
}

extension WebURL {
    /// The same address with a canonical query.
    public func with(_ query: [(name: String, value: String)]) -> WebURL {
        WebURL(origin: origin, path: path, query: S3Endpoint.canonical(query))
    }
}
