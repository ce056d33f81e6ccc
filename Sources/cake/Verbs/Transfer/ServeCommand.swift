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
    private static let actionWord = Positional(
        "ACTION", .optional, .words(TokenWork.actions), "add, ls or rm, behind token")
    private static let nameWord = Positional("NAME", .optional, .nothing, "what the token is called")
    private static let listen = Option(
        "listen", "ADDRESS", "address and port to listen on (default \(ListenAddress.standard))",
        read: { text throws(CakeError) in try ListenAddress(text) })
    private static let push = Option(
        "push", "PATTERN", "let clients push and delete; with token add, where its bearer may",
        read: { text throws(CakeError) in try RepositoryPattern(text) }
    ).withOptionalValue.repeatable
    private static let read = Option(
        "read", "PATTERN", "with token add, which repositories its bearer may read (default '*')",
        read: { text throws(CakeError) in try RepositoryPattern(text) }
    ).repeatable
    private static let anonymousRead = Flag("anonymous-read", "nobody needs a token to read, though there are some")
    private static let hostName = Option.text(
        "host-name", "NAME", "another name that clients may call this server by, for a proxy in front of it"
    ).repeatable
    private static let certificate = Option.text(
        "tls-certificate", "FILE", completing: .path, "speak TLS, with this certificate and those that vouch for it")
    private static let key = Option.text("tls-key", "FILE", completing: .path, "the certificate's key")
    private static let maxUpload = Option(
        "max-upload", "SIZE", "refuse blobs that are larger (default 1TiB)", read: Quantities.readBytes)
    private static let recheck = Option.duration(
        "recheck", "a blob that was not checked for so long is checked as it is sent (default 1d)")
    private static let maxRequests = Option.count(
        "max-requests", "so many requests a second of one client are answered (default: all)")

    static let command = Command(
        Self.self, "serve", for: .move, "serve the store as an OCI registry",
        about: [
            "Any client of OCI registries can pull from it, and push to it with --push: blobs and manifests of every kind, "
                + "tags, referrers, and uploads that go on where they stopped. The store's models are there as artifacts, under "
                + "their names in lower case.",
            "Clients of the Hugging Face Hub find the store's models here as well, once HF_ENDPOINT is "
                + "http://\(ListenAddress.standard): hf, transformers, and what is built on them. With --upstream they also find "
                + "what that Hub has, or that registry: it is brought when somebody first asks for it, once for all who ask, and kept.",
            "It listens on this machine only, unless --listen says otherwise, and only gives, unless --push says otherwise. "
                + "/healthz, /readyz and /metrics say how it is. Each request becomes one line of JSON on standard output. "
                + "Ended by Ctrl-C or SIGTERM, it first answers what was begun; SIGHUP reads the certificate anew.",
            "cake serve token add NAME makes a token, which clients give as the password of any user, or as a bearer's: "
                + "with --push=PATTERN it may push to repositories of such names, and read them. Once there is a token, whoever has "
                + "none is let in only with --anonymous-read.",
        ],
        positionals: [tokenWord, actionWord, nameWord],
        options: [
            listen.form, push.form, read.form, anonymousRead.form, hostName.form, certificate.form, key.form,
            maxUpload.form, maxRequests.form, recheck.form,
        ] + MirrorOptions.forms,
        examples: [
            .init("cake serve", "on 127.0.0.1:5111, to pull from"),
            .init("cake serve --push > access.log", "to push to, from this machine"),
            .init("cake serve token add ci --push='team/*'", "somebody who may push from elsewhere"),
            .init("cake serve --listen 0.0.0.0:5111", "for other machines to pull from"),
            .init("cake serve --upstream https://huggingface.co", "a mirror of the Hub that fills as it is used"),
            .init("cake serve --upstream oci://registry.local:5000/team", "the same of a registry's models"),
        ],
        whenInterrupted: "what was pushed is kept, and an upload goes on where it stopped")

    init(_ arguments: Arguments) throws(CakeError) {
        let patterns = try arguments.values(of: Self.push)
        if let word = arguments.words(Self.tokenWord).first {
            guard word == "token" else {
                throw CakeError(
                    .usage, "serve does not know what to do with \"\(Printable.escape(word))\"",
                    fix: "cake serve serves; cake serve token ls lists tokens")
            }
            work = .tokens(
                try TokenWork(
                    arguments.words(Self.actionWord).first, arguments.words(Self.nameWord).first,
                    read: try arguments.values(of: Self.read), push: patterns, hasPush: arguments.has(Self.push)))
            return
        }
        guard patterns.isEmpty, try arguments.values(of: Self.read).isEmpty else {
            throw CakeError(
                .usage, "patterns say what a token allows", fix: "cake serve token add NAME --push='team/*'")
        }
        var settings = RegistryServer.Settings()
        settings.address = try arguments.value(of: Self.listen) ?? .standard
        settings.allowsPush = arguments.has(Self.push)
        settings.hostNames = try arguments.values(of: Self.hostName)
        settings.letsAnybodyRead = arguments.has(Self.anonymousRead)
        settings.requestsPerSecond = try arguments.value(of: Self.maxRequests) ?? 0
        if let most = try arguments.value(of: Self.maxUpload) { settings.largestBlob = most }
        if let life = try arguments.value(of: Self.recheck) { settings.recheck = life }
        let files = TLSFiles(
            certificate: try arguments.value(of: Self.certificate), key: try arguments.value(of: Self.key))
        guard files.isComplete else {
            throw CakeError(
                .usage, "TLS needs a certificate and its key", fix: "give both --tls-certificate and --tls-key")
        }
        settings.certificate = try files.read()
        work = .serve(settings, files, try MirrorOptions(arguments))
    }

    /// For answers that wait for the disk.
    private static let threads = 16

    /// Long enough for an answer that is on its way, and less than a service manager waits.
    private static let drainTime = Duration.seconds(30)

    var timeToEnd: Duration { Self.drainTime + .seconds(2) }
}

/// Where the certificate and its key lie, to be read anew when they were renewed.
private struct TLSFiles {
    let certificate: String?
    let key: String?

    var isComplete: Bool { (certificate == nil) == (key == nil) }

    func read() throws(CakeError) -> ServerCertificate? {
        guard let certificate, let key else { return nil }
        return try ServerCertificate(certificate: certificate, key: key)
    }
}

extension ServeCommand {
    func run(in session: Session) async throws {
        switch work {
        case .tokens(let work): try work.run(in: session)
        case .serve(var settings, let files, let mirror):
            settings.mirror = try mirror?.settings(in: session)
            try await serve(settings, files, in: session)
        }
    }

    private func serve(_ settings: RegistryServer.Settings, _ files: TLSFiles?, in session: Session) async throws {
        let log = AccessLog(session.output)
        let pool = BlockingPool(threads: Self.threads)
        let server = try RegistryServer(
            session.openStore(), settings, pool: pool, log: { log.write($0) },
            meanwhile: { [output = session.output] in output.handOn() })
        await announce(server, settings, in: session)
        if settings.certificate != nil {
            Interrupt.onHangUp { [reporter = session.reporter] in
                do throws(CakeError) {
                    if let certificate = try files?.read() { try server.replace(certificate) }
                    reporter.note("the certificate was read anew")
                } catch {
                    reporter.note("the old certificate stays: \(error.what)")
                }
            }
        }
        defer { Interrupt.onHangUp(nil) }
        // Until somebody ends it; then what was begun comes first.
        do {
            while true { try await Task.sleep(for: .seconds(3600)) }
        } catch {
            await server.drain(within: Self.drainTime)
            session.output.handOn()
            throw error
        }
    }

    /// Where it listens, and what clients find there.
    private func announce(_ server: RegistryServer, _ settings: RegistryServer.Settings, in session: Session) async {
        let manner = settings.allowsPush ? "to pull from and push to" : "to pull from"
        let scheme = settings.certificate == nil ? "http" : "https"
        session.reporter.note("serving a registry on \(scheme)://\(server.address), \(manner)")
        for note in server.notes { session.reporter.note(note) }
        if let mirror = settings.mirror {
            session.reporter.note(
                "clients of the Hub find what \(mirror.upstream) has, too"
                    + (mirror.isOffline ? ", as far as it is here" : ""))
            if !mirror.isOffline, case .registry(let upstream) = mirror.upstream,
                let complaint = await upstream.complaint()
            {
                session.reporter.note(ErrorText.inline(complaint))
            }
        }
    }
}
