internal import Mirror
import Model
import Network
import Platform
import Server
import Store
import Transfer

struct ServeCommand: Verb {
    private enum Work {
        case serve(RegistryServer.Settings, TLSFiles?, MirrorOptions?)
        case tokens(TokenWork)
    }

    private let work: Work

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
            "By default the server listens on this machine only, and takes no pushes. A browser gets a page at /. /healthz, "
                + "/readyz and /metrics are for monitoring. On a terminal each request is one line; in a pipe, in a file, or "
                + "with --json, each is one line of JSON on standard output.",
            "Ctrl-C or SIGTERM ends the server when it has answered open requests, with status 0. A second one cuts them off. "
                + "SIGHUP reloads the certificate.",
            "cake serve token add NAME makes a token. Clients send it as a bearer token, or as the password of any user. "
                + "--push=PATTERN lets it push to matching repositories, and read them. When there is a token, clients without "
                + "one get nothing, except with --anonymous-read.",
        ],
        positionals: [tokenWord, actionWord, nameWord],
        options: [
            listen.form, host.form, port.form, push.form, read.form, anonymousRead.form, hostName.form,
            views.form, certificate.form, key.form, maxUpload.form, maxRequests.form, maxConnections.form,
            recheck.form,
        ] + MirrorOptions.forms,
        examples: [
            .init("cake serve", "on \(ListenAddress.standard), to pull from"),
            .init("cake serve --host 0.0.0.0 --port 8080", "for other machines, on another port"),
            .init("cake serve --push > access.log", "to push to as well, with a log of requests"),
            .init("cake serve --views image", "for clusters that mount images"),
            .init("cake serve token add ci --push='team/*'", "a token for a client that may push"),
            .init("cake serve --upstream https://huggingface.co", "a mirror of the Hub that fills as it is used"),
            .init(
                "cake serve --host 0.0.0.0 --upstream https://huggingface.co --peers dns:cake.racks.example --peer-token-file ring",
                "one of several mirrors that download each file once"),
            .init("cake serve --upstream oci://registry.local:5000/team", "a mirror of a registry's models"),
        ],
        whenInterrupted: "what was pushed is kept, and uploads can resume")

    init(_ arguments: Arguments) throws(CakeError) {
        let patterns = try arguments.values(of: Self.push)
        if let word = arguments.words(Self.tokenWord).first {
            guard word == "token" else {
                throw CakeError(
                    .usage, "cake serve takes no \"\(Printable.escape(word))\": it serves all models of the store",
                    fix: "cake serve; for tokens: cake serve token ls")
            }
            work = .tokens(
                try TokenWork(
                    arguments.words(Self.actionWord).first, arguments.words(Self.nameWord).first,
                    read: try arguments.values(of: Self.read), push: patterns, hasPush: arguments.has(Self.push)))
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
        work = .serve(settings, files, try MirrorOptions(arguments, port: settings.address.port))
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

    /// For answers that wait for the disk.
    private static let threads = 16

    /// Long enough for an answer that is on its way, and less than a service manager waits.
    private static let drainTime = Duration.seconds(30)

    var timeToEnd: Duration { Self.drainTime + .seconds(2) }

    var endsBySignal: Bool {
        if case .serve = work { true } else { false }
    }
}

extension ServeCommand {
    func run(in session: Session) async throws {
        switch work {
        case .tokens(let work): try work.run(in: session)
        case .serve(var settings, let files, let mirror):
            settings.mirror = try mirror?.settings(in: session)
            settings.gate = try session.settings.signatureGate()
            try await serve(settings, files, in: session)
        }
    }

    private func serve(_ settings: RegistryServer.Settings, _ files: TLSFiles?, in session: Session) async throws {
        try Self.allow(settings.limits.connections)
        let log = log(in: session)
        let pool = BlockingPool(threads: Self.threads)
        let server = try RegistryServer(
            session.openStore(), settings, pool: pool, log: log,
            meanwhile: { [output = session.output] in output.handOn() })
        await announce(server, settings, in: session)
        if settings.certificate != nil {
            Interrupt.onHangUp { [reporter = session.reporter] in
                do throws(CakeError) {
                    if let certificate = try files?.read() { try server.replace(certificate) }
                    reporter.note("reloaded the certificate")
                } catch {
                    reporter.note("the old certificate stays in use: \(error.what)")
                }
            }
        }
        defer { Interrupt.onHangUp(nil) }
        // Until a signal ends it; then open requests come first.
        do {
            while true { try await Task.sleep(for: .seconds(3600)) }
        } catch {
            try await end(server, in: session)
        }
    }

    private func end(_ server: RegistryServer, in session: Session) async throws(CakeError) {
        // The terminal shows ^C in this line.
        if session.terminal.isTerminal(.errors), !session.settings.isQuiet { session.errors.write("\n") }
        let open = server.openRequests
        if open > 0 {
            session.reporter.note("answering \(Quantities.count(open, of: "open request")); Ctrl-C again cuts them off")
        }
        await server.drain(within: Self.drainTime)
        session.output.handOn()
        let left = server.openRequests
        guard left == 0 else {
            throw CakeError(
                .failed,
                "stopped; \(Quantities.count(left, of: "request")) took longer than "
                    + "\(Quantities.duration(Self.drainTime)) and \(left == 1 ? "was" : "were") cut off")
        }
        session.reporter.note("stopped")
    }

    /// A line for a person on a terminal, else JSON.
    private func log(in session: Session) -> @Sendable (ServerRecord) -> Void {
        guard session.terminal.isTerminal(.output), !session.settings.isJSON else {
            let log = AccessLog(session.output)
            return { log.write($0) }
        }
        let terminal = session.terminal
        let lines = RequestLines(output: session.output, style: session.style) { terminal.width(.output) ?? 80 }
        return { lines.write($0) }
    }

    private func announce(_ server: RegistryServer, _ settings: RegistryServer.Settings, in session: Session) async {
        let isOpen = ["0.0.0.0", "::"].contains(settings.address.host)
        let place = isOpen ? "\(Machine.host):\(server.address.port)" : "\(server.address)"
        let greeting = ServeGreeting(
            address: "\(server.address)", place: place, speaksTLS: settings.certificate != nil,
            allowsPush: settings.allowsPush, isLoopback: settings.address.isLoopback,
            views: settings.views.all.map(\.suffix), upstream: settings.mirror.map { "\($0.upstream)" },
            isOffline: settings.mirror?.isOffline == true, peers: settings.mirror?.peers.map { "\($0.list)" })
        for line in greeting.lines { session.reporter.note(line) }
        for note in server.notes { session.reporter.note(note) }
        if let mirror = settings.mirror, !mirror.isOffline, case .registry(let upstream) = mirror.upstream,
            let complaint = await upstream.complaint()
        {
            session.reporter.note(ErrorText.inline(complaint))
        }
    }
}
