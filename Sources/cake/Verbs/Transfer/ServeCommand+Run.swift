internal import Mirror
import Model
import Network
import Platform
import Server
import Store

extension ServeCommand {
    /// For answers that wait for the disk.
    private static let threads = 16
    /// The same where they wait for another storage.
    private static let waitingThreads = 64

    /// Long enough for an answer that is on its way, and less than a service manager waits.
    static let drainTime = Duration.seconds(30)

    func run(in session: Session) async throws {
        switch work {
        case .tokens(let work): try await work.run(in: session)
        case .serve(var settings, let files, let mirror, let operating, let storage):
            settings.mirror = try mirror?.settings(in: session)
            settings.gate = try session.settings.signatureGate()
            try await serve(
                settings, files, storage,
                audit: operating.auditLog.map { path throws(CakeError) in try AuditLog(path) }, in: session)
        }
    }

    private func serve(
        _ settings: RegistryServer.Settings, _ files: TLSFiles?, _ storage: StorageOptions?, audit: AuditLog?,
        in session: Session
    ) async throws {
        try Self.allow(settings.limits.connections)
        let settings = operated(settings, audit, in: session)
        let log = log(in: session)
        let pool = BlockingPool(threads: storage == nil ? Self.threads : Self.waitingThreads)
        let meanwhile = { @Sendable [output = session.output] in output.handOn() }
        let server: RegistryServer
        if let storage {
            let registry = try await storage.registry(
                in: session, pool: pool, letsAnybodyRead: settings.letsAnybodyRead)
            server = try RegistryServer(registry, settings, pool: pool, log: log, meanwhile: meanwhile)
        } else {
            server = try RegistryServer(session.openStore(), settings, pool: pool, log: log, meanwhile: meanwhile)
        }
        await announce(server, settings, storage, in: session)
        reloadOnHangUp(server, settings.certificate == nil ? nil : files, audit, in: session)
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

    private func announce(
        _ server: RegistryServer, _ settings: RegistryServer.Settings, _ storage: StorageOptions?, in session: Session
    ) async {
        let isOpen = ["0.0.0.0", "::"].contains(settings.address.host)
        let place = isOpen ? "\(Machine.host):\(server.address.port)" : "\(server.address)"
        let greeting = ServeGreeting(
            address: "\(server.address)", place: place, speaksTLS: settings.certificate != nil,
            allowsPush: settings.allowsPush, isLoopback: settings.address.isLoopback,
            views: settings.views.all.map(\.suffix), upstream: settings.mirror.map { "\($0.upstream)" },
            isOffline: settings.mirror?.isOffline == true, peers: settings.mirror?.peers.map { "\($0.list)" },
            storage: storage.map { "\($0.place)" })
        for line in greeting.lines { session.reporter.note(line) }
        for note in server.notes { session.reporter.note(note) }
        if let mirror = settings.mirror, !mirror.isOffline, case .registry(let upstream) = mirror.upstream,
            let complaint = await upstream.complaint()
        {
            session.reporter.note(ErrorText.inline(complaint))
        }
    }
}
