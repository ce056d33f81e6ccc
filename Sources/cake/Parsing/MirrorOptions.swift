internal import Mirror
import Model
import Platform
import Transfer

/// What a server brings from another Hub, as it is typed.
struct MirrorOptions: Sendable {
    private let upstream: String
    private let tokenFile: String?
    private let revalidation: Duration?
    private let isOffline: Bool
    private let names: NameRules
    private let quota: UInt64?
    private let peers: PeerList?
    private let peerTokenFile: String?

    private static let upstream = Option.text(
        "upstream", "URL",
        "mirror this Hub, or this registry (oci://host/path; oci+https:// for TLS on this machine): download what is missing "
            + "when a client asks for it")
    private static let tokenFile = Option.text(
        "upstream-token-file", "FILE", completing: .path,
        "read the token for the upstream from FILE; clients need a token of this server for gated and private models")
    private static let revalidate = Option.duration(
        "revalidate", "ask the upstream again where a branch points after TIME (default 60s)")
    private static let offline = Flag("offline", "never ask the upstream; serve what is here")
    private static let quota = Option(
        "quota", "[PATTERN=]SIZE",
        "with --upstream: when models take more at rest, evict the least recently used mirrored models. With --push: refuse "
            + "what would make the registry, or the repositories that match, larger",
        read: { text throws(CakeError) in try RegistryQuota(text) }
    ).repeatable
    private static let allow = Option.text(
        "allow", "PATTERN", "mirror only repositories that match, such as 'org/*' or 'datasets/*'"
    ).repeatable
    private static let deny = Option.text("deny", "PATTERN", "do not mirror repositories that match").repeatable

    private static let peers = Option.text(
        "peers", "SERVERS",
        "share downloads with these servers (dns:NAME[:PORT], or HOST[:PORT],HOST[:PORT]): each file comes from the Hub once for all of them"
    )
    private static let peerTokenFile = Option.text(
        "peer-token-file", "FILE", completing: .path, "read the secret that all servers of --peers share from FILE")

    static let forms = [
        upstream.form, revalidate.form, offline.form, allow.form, deny.form, quota.form, tokenFile.form, peers.form,
        peerTokenFile.form,
    ]

    /// For mirrored models and for pushes.
    static func quotas(_ arguments: Arguments) throws(CakeError) -> [RegistryQuota] {
        try arguments.values(of: Self.quota)
    }

    /// Nil when no other Hub was named. `port` is this server's.
    init?(_ arguments: Arguments, port: UInt16) throws(CakeError) {
        tokenFile = try arguments.value(of: Self.tokenFile)
        revalidation = try arguments.value(of: Self.revalidate)
        isOffline = arguments.has(Self.offline)
        var names = NameRules()
        names.allowed = try arguments.values(of: Self.allow).map { StarPattern($0) }
        names.denied = try arguments.values(of: Self.deny).map { StarPattern($0) }
        self.names = names
        quota = try Self.quotas(arguments).first { $0.pattern == nil }?.bytes
        peerTokenFile = try arguments.value(of: Self.peerTokenFile)
        peers = try arguments.value(of: Self.peers).map { text throws(CakeError) in try PeerList(text, port: port) }
        guard let upstream = try arguments.value(of: Self.upstream) else {
            // Without an upstream nobody is asked anyway.
            guard tokenFile == nil, revalidation == nil, names == NameRules(), peers == nil, peerTokenFile == nil else {
                throw CakeError(
                    .usage, "these options need an upstream",
                    fix: "add --upstream \(HubRoutes.standardEndpoint)")
            }
            return nil
        }
        self.upstream = upstream
        guard (peers == nil) == (peerTokenFile == nil) else {
            throw CakeError(
                .usage,
                peers == nil
                    ? "--peer-token-file is for --peers"
                    : "--peers needs a secret that the servers share: --peer-token-file is missing",
                fix: peers == nil
                    ? "add --peers node1,node2, or leave out --peer-token-file"
                    : "openssl rand -hex 32 > FILE; chmod 600 FILE; and the same FILE on every server")
        }
    }

    /// An option that only a mirror over a store has.
    var needsStore: String? { quota == nil ? nil : "--quota" }

    func settings(in session: Session) throws(CakeError) -> Mirror.Settings {
        var settings = Mirror.Settings(try place(in: session.settings), session.settings.http)
        if let tokenFile { settings.token = try HubToken(file: tokenFile) }
        if let revalidation { settings.revalidation = revalidation }
        settings.isOffline = isOffline || session.settings.isOffline
        settings.names = names
        settings.gate = try session.settings.signatureGate()
        settings.quota = quota
        settings.says = { [reporter = session.reporter] in reporter.note($0) }
        if let peers, let peerTokenFile {
            guard case .hub = settings.upstream else {
                throw CakeError(
                    .usage, "--peers is for a Hub as the upstream; \(settings.upstream) is a registry",
                    fix: "leave out --peers: each server asks the registry for the layers that it does not have")
            }
            settings.peers = Peers.Settings(peers, try PeerSecret(file: peerTokenFile))
            settings.peers?.says = { [reporter = session.reporter] in reporter.note($0) }
        }
        return settings
    }

    private func place(in settings: Settings) throws(CakeError) -> Mirror.Upstream {
        let (scheme, place) = RegistryPlace.split(upstream)
        // As in `cake push`: with a path, on this machine, it is a registry and no Hub.
        let isRegistry =
            ["oci", "oci+https"].contains(scheme)
            || place.contains("/") && place.utf8.last != UInt8(ascii: "/")
                && (try? WebURL(upstream))?.isRegistryOfThisMachine(beside: try? settings.hub()) == true
        guard isRegistry else { return .hub(try HubRoutes(endpoint: upstream, calledAs: "--upstream")) }
        let host = place.prefix { $0 != "/" }
        var path = place.dropFirst(host.count + 1)
        if path.last == "/" { path.removeLast() }
        guard tokenFile == nil else {
            throw CakeError(
                .usage, "--upstream-token-file is for a Hub; a registry needs a login",
                fix:
                    "cake login \(scheme == "oci" ? "" : "https://")\(Printable.escape(String(host))), without --upstream-token-file"
            )
        }
        let prefix = RepositoryName(String(path))
        guard path.isEmpty || prefix != nil else {
            throw CakeError(
                .usage, "\"\(Printable.escape(String(path)))\" cannot be the start of a name in a registry",
                fix: "write --upstream like oci://registry.local:5000/team, in lower case")
        }
        let routes = try RegistryRoutes(host: host.lowercased(), speaksTLS: scheme != "oci")
        return .registry(
            try RegistryUpstream(routes, under: prefix, as: settings.registryCredentials, settings.http))
    }
}

extension PeerSecret {
    fileprivate init(file path: String) throws(CakeError) {
        let shown = Printable.escape(path)
        if try Disk.status(path)?.isOpenToOthers == true {
            throw CakeError(
                .usage, "\(shown): every account of this machine may read or change the secret",
                fix: "chmod 600 \(shown)")
        }
        do {
            try self.init(String(decoding: try Disk.read(path, limit: 64 << 10), as: UTF8.self))
        } catch {
            throw error.at(shown)
        }
    }
}
