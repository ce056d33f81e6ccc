/// The addresses of a registry, as OCI distribution 1.1 has them.
public struct RegistryRoutes: Hashable, Sendable, CustomStringConvertible {
    public let origin: Origin
    /// As it was typed, and as logins are kept under it.
    public let host: String
    /// Whether another machine may be asked without encryption.
    public let allowsPlainHTTP: Bool

    /// Encrypted, unless the caller says otherwise, or it is on this machine and the caller says nothing.
    public init(host: String, allowsPlainHTTP: Bool = false, speaksTLS: Bool = false) throws(CakeError) {
        let isDocker = ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(host)
        let authority = Array((isDocker ? "registry-1.docker.io" : host).utf8)[...]
        guard let secure = Origin(.https, authority: authority), let open = Origin(.http, authority: authority) else {
            throw CakeError(
                .usage, "\"\(Printable.escape(host))\" is not a registry's host",
                fix: "write it like registry.local:5000")
        }
        self.host = isDocker ? "docker.io" : host
        guard !speaksTLS || !allowsPlainHTTP else {
            throw CakeError(
                .usage, "\(secure) is encrypted, and --plain-http asks for no encryption", fix: "leave one of them out"
            )
        }
        self.allowsPlainHTTP = allowsPlainHTTP
        origin = allowsPlainHTTP || secure.host.reach == .machine && !speaksTLS ? open : secure
    }

    /// A registry's data in a bucket, without a server.
    public init(bucket: String, at endpoint: S3Endpoint) {
        (origin, host, allowsPlainHTTP) = (endpoint.origin, S3Place.scheme + bucket, true)
    }

    /// Whether both lead to the same registry.
    public func isSame(as other: RegistryRoutes) -> Bool {
        origin == other.origin && host.hasPrefix(S3Place.scheme) == other.host.hasPrefix(S3Place.scheme)
            && (!host.hasPrefix(S3Place.scheme) || host == other.host)
    }

    /// The registry on the same server as a Hub, with the same trust.
    public init(of hub: HubRoutes) throws(CakeError) {
        let isOpen = hub.origin.scheme == .http
        try self.init(host: hub.origin.authority, allowsPlainHTTP: isOpen, speaksTLS: !isOpen)
    }

    public var description: String { host }

    /// The argument of `cake login` that reaches the same registry.
    public var loginWords: String {
        if allowsPlainHTTP, origin.host.reach != .machine { return host + " --plain-http" }
        return origin.host.reach == .machine && origin.scheme == .https ? "https://" + host : host
    }

    /// Knowledge about the registry is kept in a file of this name.
    public var fileName: String {
        PercentText.encode(host.hasPrefix(S3Place.scheme) ? "\(host)@\(origin)" : "\(origin)")
    }

    /// Whether a password or token may go there.
    public func mayTell(_ other: Origin) -> Bool {
        other.scheme == .https || other.host.reach == .machine || allowsPlainHTTP
    }

    public var base: WebURL { url("") }
    public var catalog: WebURL { url("_catalog", query: "n=1000") }

    public func tags(of repository: RepositoryName) -> WebURL { url("\(repository)/tags/list", query: "n=1000") }

    public func manifest(_ name: ManifestName, of repository: RepositoryName) -> WebURL {
        url("\(repository)/manifests/\(name.text)")
    }

    /// Manifests of this kind that refer to another.
    public func referrers(
        of name: BlobName, _ artifactType: String, in repository: RepositoryName
    ) -> WebURL {
        url("\(repository)/referrers/\(name)", query: "artifactType=\(PercentText.encode(artifactType))")
    }

    public func blob(_ name: BlobName, of repository: RepositoryName) -> WebURL { url("\(repository)/blobs/\(name)") }

    /// Where an upload begins; with a blob of another repository, where it is taken over from there.
    public func uploads(
        to repository: RepositoryName, mounting blob: BlobName? = nil, from other: RepositoryName? = nil
    ) -> WebURL {
        var query: String?
        if let blob, let other { query = "mount=\(blob)&from=\(PercentText.encode(other.text))" }
        return url("\(repository)/blobs/uploads/", query: query)
    }

    /// Of a registry of cake's.
    public func published(_ repository: HubRepository, at commit: String) -> WebURL {
        url(
            "_cake/published", query: "kind=\(repository.kind)&id=\(PercentText.encode(repository.id))&commit=\(commit)"
        )
    }

    private func url(_ rest: String, query: String? = nil) -> WebURL {
        WebURL(origin: origin, path: "/v2/" + rest, query: query)
    }
}

extension WebURL {
    /// On this machine TLS has to be asked for: `https://localhost:5000/team/model:v1`.
    public func isRegistryOfThisMachine(beside hub: HubRoutes?) -> Bool {
        origin.scheme == .https && origin.host.reach == .machine && origin != hub?.origin
    }

    /// The same, with one more member in its query: an upload's address may have some already.
    public func adding(_ name: String, _ value: String) -> WebURL {
        let member = "\(name)=\(PercentText.encode(value))"
        return WebURL(
            origin: origin, path: path, query: query.map { $0.isEmpty ? member : $0 + "&" + member } ?? member)
    }
}
