import Model
import Platform
import Server
import Store

struct ServeCommand: Verb {
    let settings: RegistryServer.Settings

    private static let listen = Option(
        "listen", "ADDRESS", "address and port to listen on (default \(ListenAddress.standard))",
        read: { text throws(CakeError) in try ListenAddress(text) })
    private static let push = Flag("push", "let clients push and delete; on this machine's own addresses only")
    private static let hostName = Option.text(
        "host-name", "NAME", "another name that clients may call this server by, for a proxy in front of it"
    ).repeatable

    static let command = Command(
        Self.self, "serve", for: .move, "serve the store as an OCI registry",
        about: [
            "Any client of OCI registries can pull from it, and push to it with --push: blobs and manifests of every kind, "
                + "tags, referrers, and uploads that go on where they stopped.",
            "Clients of the Hugging Face Hub find the store's models here as well, once HF_ENDPOINT is "
                + "http://\(ListenAddress.standard): hf, transformers, and what is built on them.",
            "It listens on this machine only, unless --listen says otherwise, and only gives, unless --push says otherwise. "
                + "/healthz and /readyz say how it is. Each request becomes one line of JSON on standard output. "
                + "Ended by Ctrl-C or SIGTERM, it first answers what was begun.",
        ],
        options: [listen.form, push.form, hostName.form],
        examples: [
            .init("cake serve", "on 127.0.0.1:5111, to pull from"),
            .init("cake serve --push > access.log", "to push to, from this machine"),
            .init("cake serve --listen 0.0.0.0:5111", "for other machines to pull from"),
        ],
        whenInterrupted: "what was pushed is kept, and an upload goes on where it stopped")

    init(_ arguments: Arguments) throws(CakeError) {
        var settings = RegistryServer.Settings()
        settings.address = try arguments.value(of: Self.listen) ?? .standard
        settings.allowsPush = arguments.has(Self.push)
        settings.hostNames = try arguments.values(of: Self.hostName)
        self.settings = settings
    }

    /// For answers that wait for the disk.
    private static let threads = 16

    /// Long enough for an answer that is on its way, and less than a service manager waits.
    private static let drainTime = Duration.seconds(30)

    var timeToEnd: Duration { Self.drainTime + .seconds(2) }
}

extension ServeCommand {
    func run(in session: Session) async throws {
        let log = AccessLog(session.output)
        let pool = BlockingPool(threads: Self.threads)
        let server = try RegistryServer(session.openStore(), settings, pool: pool) { log.write($0) }
        let manner = settings.allowsPush ? "to pull from and push to" : "to pull from"
        session.reporter.note("serving a registry on http://\(server.address), \(manner)")
        // Until somebody ends it; then what was begun comes first.
        do {
            while true { try await Task.sleep(for: .seconds(3600)) }
        } catch {
            await server.drain(within: Self.drainTime)
            throw error
        }
    }
}

/// Each request as one line of JSON, at once.
private struct AccessLog: Sendable {
    private let output: StandardOutput

    init(_ output: StandardOutput) { self.output = output }

    func write(_ record: ServerRecord) {
        let (seconds, attoseconds) = record.duration.components
        let milliseconds = Double(seconds) * 1000 + Double(attoseconds / 1_000_000_000_000) / 1000
        let line: JSONValue = [
            "time": JSONValue(Machine.now), "client": .string(record.request.client),
            "method": .string(String(record.request.method.prefix(20))),
            // What stands behind a question mark is the registry's own: digests and names, no secrets.
            "address": .string(record.request.address), "status": JSONValue(record.status),
            "bytes": JSONValue(record.bytes), "received": JSONValue(record.received),
            "milliseconds": JSONValue(milliseconds), "whole": .bool(record.isWhole),
            "agent": JSONValue(record.request["user-agent"]),
        ]
        // Nobody reads it any more: that is no reason to stop serving.
        try? output.send(Array((line.text(.compact) + "\n").utf8).span)
    }
}
