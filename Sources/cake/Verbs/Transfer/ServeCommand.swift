internal import Mirror
import Model
import Network
import Platform
import Server
import Store
import Transfer

struct ServeCommand: Verb {
    enum Work {
        case serve(RegistryServer.Settings, TLSFiles?, MirrorOptions?, OperatingOptions, StorageOptions?)
        case tokens(TokenWork)
    }

    let work: Work

    private static let tokenWord = Positional("token", .optional, .words(["token"]), "to make, list or remove tokens")
    private static let actionWord = Positional("ACTION", .optional, .words(TokenWork.actions), "add, ls or rm")
    private static let nameWord = Positional("NAME", .optional, .nothing, "the name of the token")
    private static let listen = Option(
        "listen", "ADDRESS", "the address and port to listen on (default \(ListenAddress.standard))",
        read: { text throws(CakeError) in try ListenAddress(text) })
    private static let host = Option.text(
        "host", "HOST", "the address alone: 127.0.0.1 for this machine (default), 0.0.0.0 for others too")
    private static let port = Option.count(
        "port", short: "p", "the port alone (default \(ListenAddress.standard.port))")
    private static let push = Option(
        "push", "PATTERN", "let clients push and delete; with token add: the repositories that the token may push to",
        read: { text throws(CakeError) in try RepositoryPattern(text) }
    ).withOptionalValue.repeatable
    private static let read = Option(
        "read", "PATTERN", "with token add: the repositories that the token may read (default '*')",
        read: { text throws(CakeError) in try RepositoryPattern(text) }
    ).repeatable
    private static let anonymousRead = Flag(
        "anonymous-read", "let clients read without a token, even if there are tokens")
    private static let hostName = Option.text(
        "host-name", "NAME", "another name that clients may use for this server, behind a proxy"
    ).repeatable
    private static let certificate = Option.text(
        "tls-certificate", "FILE", completing: .path, "use TLS with this certificate, and its chain")
    private static let key = Option.text("tls-key", "FILE", completing: .path, "the certificate's key")
    private static let maxUpload = Option(
        "max-upload", "SIZE", "refuse larger blobs (default 1TiB)", read: Quantities.readBytes)
    private static let recheck = Option.duration(
        "recheck", "check a blob again while it is sent, if the last check is older than this (default 1d)")
    private static let views = Option(
        "views", "SHAPES", completing: .words(WrittenShape.allCases.map(\.rawValue)),
        "also show models as other tools read them: modelpack, image, or both with a comma",
        read: { text throws(CakeError) in try ShapeViews(text) })
    private static let maxRequests = Option.count(
        "max-requests", "requests a second that one client may make (default: no limit)")
    private static let maxConnections = Option.count(
        "max-connections", "connections at once; others wait (default \(ServerLimits().connections))")

    static let command = Command(
        Self.self, "serve", for: .move, "serve the store to Hub clients, OCI clients and cake",
        about: [
            "Clients of the Hugging Face Hub find the store's models with HF_ENDPOINT=http://\(ListenAddress.standard): hf, "
                + "transformers, vLLM and others. With --upstream they also find the models of that Hub or registry: cake "
                + "downloads a model when a client first asks for it, once for all clients, and keeps it.",
            "Clients of OCI registries can pull the store's models as artifacts, under their names in lower case. With --push "
                + "they can also push: blobs and manifests of every kind, tags, referrers, and uploads that resume.",
            "--views modelpack,image also shows each model as NAME:TAG-modelpack, an artifact of the CNCF's ModelPack, and as "
                + "NAME:TAG-image, an image with the files in /models. They are made from the store while they are sent. "
                + "The server first reads each model once, for the digests of its image. --views image=-oci chooses another "
                + "ending of the tags.",
            "--storage s3://bucket/prefix serves from object storage: what was pushed is there for each server that has the same place, and "
                + "no store is used. Clients get bytes from the storage by a signed address, or with --no-redirect from this server's "
                + "cache.",
            "By default the server listens on this machine only, and takes no pushes. A browser gets a page at /. /healthz, "
                + "/readyz and /metrics are for monitoring. On a terminal each request is one line; in a pipe, in a file, or "
                + "with --json, each is one line of JSON on standard output.",
            "Ctrl-C or SIGTERM ends the server when it has answered open requests, with status 0. A second one cuts them off. "
                + "SIGHUP reloads the certificate, and opens the audit log again.",
            "cake serve token add NAME makes a token. Clients send it as a bearer token, or as the password of any user. "
                + "--push=PATTERN lets it push to matching repositories, and read them. When there is a token, clients without "
                + "one get nothing, except with --anonymous-read.",
        ],
        positionals: [tokenWord, actionWord, nameWord],
        options: [
            listen.form, host.form, port.form, push.form, read.form, anonymousRead.form, hostName.form,
            views.form, certificate.form, key.form, maxUpload.form, maxRequests.form, maxConnections.form,
            recheck.form,
        ] + OperatingOptions.forms + MirrorOptions.forms + StorageOptions.forms,
        examples: [
            .init("cake serve", "on \(ListenAddress.standard), to pull from"),
            .init("cake serve --host 0.0.0.0 --port 8080", "for other machines, on another port"),
            .init("cake serve --push > access.log", "to push to as well, with a log of requests"),
            .init("cake serve --views image", "for clusters that mount images"),
            .init("cake serve --push --quota 'team/*=500GB' --gc-every 6h", "with a limit, and gc from time to time"),
            .init("cake serve token add ci --push='team/*'", "a token for a client that may push"),
            .init("cake serve --upstream https://huggingface.co", "a mirror of the Hub that fills as it is used"),
            .init(
                "cake serve --host 0.0.0.0 --upstream https://huggingface.co --peers dns:cake.racks.example --peer-token-file ring",
                "one of several mirrors that download each file once"),
            .init("cake serve --upstream oci://registry.local:5000/team", "a mirror of a registry's models"),
            .init("cake serve --push --storage s3://models/registry", "one of several servers over a bucket"),
        ],
        whenInterrupted: "what was pushed is kept, and uploads can resume")

    init(_ arguments: Arguments) throws(CakeError) {
        let patterns = try arguments.values(of: Self.push)
        let storage = try StorageOptions(arguments)
        if let word = arguments.words(Self.tokenWord).first {
            guard word == "token" else {
                throw CakeError(
                    .usage, "cake serve takes no \"\(Printable.escape(word))\": it serves all models of the store",
                    fix: "cake serve; for tokens: cake serve token ls")
            }
            work = .tokens(
                try TokenWork(
                    arguments.words(Self.actionWord).first, arguments.words(Self.nameWord).first,
                    read: try arguments.values(of: Self.read), push: patterns, hasPush: arguments.has(Self.push),
                    in: storage))
            return
        }
        guard patterns.isEmpty, try arguments.values(of: Self.read).isEmpty else {
            throw CakeError(
                .usage, "a pattern says what a token may do, and no token is named",
                fix: "cake serve token add NAME --push='team/*'")
        }
        var settings = RegistryServer.Settings()
        settings.address = try Self.address(arguments)
        settings.allowsPush = arguments.has(Self.push)
        settings.hostNames = try arguments.values(of: Self.hostName)
        settings.letsAnybodyRead = arguments.has(Self.anonymousRead)
        settings.requestsPerSecond = try arguments.value(of: Self.maxRequests) ?? 0
        if let most = try arguments.value(of: Self.maxConnections) { try Self.limit(&settings, to: most) }
        if let most = try arguments.value(of: Self.maxUpload) { settings.largestBlob = most }
        if let life = try arguments.value(of: Self.recheck) { settings.recheck = life }
        settings.views = try arguments.value(of: Self.views) ?? .off
        let files = TLSFiles(
            certificate: try arguments.value(of: Self.certificate), key: try arguments.value(of: Self.key))
        guard files.isComplete else {
            throw CakeError(
                .usage, "TLS needs a certificate and its key", fix: "use --tls-certificate and --tls-key together")
        }
        settings.certificate = try files.read()
        let mirror = try MirrorOptions(arguments, port: settings.address.port)
        let operating = try OperatingOptions(
            arguments, MirrorOptions.quotas(arguments), allowsPush: settings.allowsPush, hasUpstream: mirror != nil)
        operating.apply(to: &settings)
        try storage?.refuse(views: settings.views, mirror, operating)
        settings.redirects = storage?.redirects ?? true
        work = .serve(settings, files, mirror, operating, storage)
    }

    /// `--listen`, or `--host` and `--port` as other servers have them.
    private static func address(_ arguments: Arguments) throws(CakeError) -> ListenAddress {
        let (host, port) = (try arguments.value(of: Self.host), try arguments.value(of: Self.port))
        if let address = try arguments.value(of: Self.listen) {
            guard host == nil, port == nil else {
                throw CakeError(
                    .usage, "--listen is the address and the port, so --host and --port cannot be used with it",
                    fix: "--listen \(host ?? address.host):\(port ?? Int(address.port))")
            }
            return address
        }
        var name = host ?? ListenAddress.standard.host
        // An IPv6 address as people type it.
        if name.utf8.contains(UInt8(ascii: ":")), name.utf8.first != UInt8(ascii: "[") { name = "[\(name)]" }
        guard let number = UInt16(exactly: port ?? Int(ListenAddress.standard.port)) else {
            throw CakeError(.usage, "--port: \(port ?? 0) is no port", fix: "write a number up to 65535")
        }
        do {
            return try ListenAddress("\(name):\(number)")
        } catch {
            throw error.at("--host")
        }
    }

    var timeToEnd: Duration { Self.drainTime + .seconds(2) }

    var endsBySignal: Bool {
        if case .serve = work { true } else { false }
    }
}
