/// A model in an OCI registry: `host[:port]/path[:tag][@sha256:digest]`; or in a bucket that holds a registry's data:
/// `s3://bucket/path[:tag][@sha256:digest]`.
public struct RegistryReference: Hashable, Sendable, CustomStringConvertible {
    /// With its port, if one was given. Of a bucket `s3://bucket`.
    public let host: String
    public let repository: RepositoryName
    /// `latest` when neither a tag nor a digest was given.
    public let tag: String?
    /// Overrides the tag.
    public let digest: Digest?
    /// It was written with `https://`: a registry on this machine is asked by TLS, too.
    public let speaksTLS: Bool

    /// Without a scheme, but for that of a bucket.
    public init(_ text: String, speaksTLS: Bool = false) throws(CakeError) {
        self.speaksTLS = speaksTLS
        func refuse(_ why: String, fix: String? = nil) -> CakeError {
            CakeError(
                .usage, "\"\(Printable.escape(text))\" is not a name in a registry: \(why)",
                fix: fix ?? "write it like registry.local:5000/team/model:v1, or hf://org/name for the Hub")
        }
        let scheme = text.hasPrefix(S3Place.scheme) ? S3Place.scheme : ""
        guard let (host, rest) = ReferenceReader.split(String(text.dropFirst(scheme.count)), at: "/"), !rest.isEmpty
        else { throw refuse("it has no path after its \(scheme.isEmpty ? "host" : "bucket")") }
        if scheme.isEmpty {
            guard let origin = Origin(.https, authority: Array(host.utf8)[...]) else { throw refuse("it has no host") }
            let hasPort = host.contains(":") && host.utf8.last != UInt8(ascii: "]")
            self.host = origin.host.text + (hasPort ? ":\(origin.port)" : "")
        } else {
            self.host = scheme + (try S3Place(scheme + host).bucket)
        }
        var path = rest
        if let (before, digest) = ReferenceReader.split(rest, at: "@") {
            guard digest.utf8.starts(with: "sha256:".utf8), let known = Digest(hex: String(digest.dropFirst(7))) else {
                throw refuse("after @ there must be a digest: sha256: and 64 hex digits")
            }
            self.digest = known
            path = before
        } else {
            digest = nil
        }
        if let (before, tag) = ReferenceReader.split(path, at: ":") {
            guard TagName(tag) != nil else {
                throw refuse("a tag has at most 128 letters, digits and \"._-\", and does not begin with . or -")
            }
            self.tag = tag
            path = before
        } else {
            tag = digest == nil ? "latest" : nil
        }
        guard let repository = RepositoryName(path) else {
            let lower = path.lowercased()
            throw refuse(
                "a path there has lower-case letters and digits, with single . _ or - between them",
                fix: RepositoryName(lower) == nil
                    ? nil : "write \(self.host)/\(lower), or hf://\(Printable.escape(text)) for the Hub")
        }
        self.repository = repository
    }

    public var path: String { repository.text }

    /// The bucket that holds the registry's data; nil for a registry with a server.
    public var bucket: String? {
        host.hasPrefix(S3Place.scheme) ? String(host.dropFirst(S3Place.scheme.count)) : nil
    }

    public var description: String { bucket == nil ? "oci://" + storeName : storeName }

    /// Its repository, as the store notes where models came from and went to.
    public var place: String { RegistryReference.place(of: host) + path }

    /// What the places on a host begin with.
    public static func place(of host: String) -> String {
        (host.hasPrefix(S3Place.scheme) ? "" : "oci://") + host + "/"
    }

    /// Whether a note of where a model came from is a place in a registry.
    public static func isPlace(_ text: String) -> Bool { text.hasPrefix("oci://") || text.hasPrefix(S3Place.scheme) }

    /// Its name in the store after a pull.
    public var storeName: String {
        "\(host)/\(path)" + (tag.map { ":" + $0 } ?? "") + (digest.map { "@sha256:" + $0.hex } ?? "")
    }

    /// The host as it has to be typed to reach the same registry.
    public var spelledHost: String { (speaksTLS ? "https://" : "") + host }

    /// The same, as it has to be typed.
    public var typed: String { (speaksTLS ? "https://" : "") + storeName }

    /// The digest if one was given.
    public var manifest: ManifestName {
        if let digest { return .digest(BlobName(digest)) }
        return tag.flatMap { TagName($0) }.map { .tag($0) } ?? .none("")
    }
}
