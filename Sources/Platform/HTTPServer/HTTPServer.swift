internal import Glibc
public import Model
internal import Synchronization

/// libmicrohttpd, answering on threads of its own until this is let go. Many connections share a thread: a body is taken as
/// it comes, and an answer that waits for the disk is made elsewhere, its connection suspended meanwhile.
public struct HTTPServer: ~Copyable, Sendable {
    /// The port it listens on, also when any free one was asked for.
    public let port: UInt16
    private let core: ServerCore
    private let daemons: Daemons

    /// The last one takes connections; those before it have some that came under an earlier certificate.
    private final class Daemons: Sendable {
        let all: Mutex<[ServerDaemon]>

        init(_ first: ServerDaemon) { all = Mutex([first]) }
    }

    /// With a certificate it speaks TLS, and nothing else.
    public init(
        _ address: ListenAddress, _ limits: ServerLimits, _ certificate: ServerCertificate? = nil, pool: BlockingPool,
        log: @escaping @Sendable (ServerRecord) -> Void = { _ in },
        _ handler: @escaping @Sendable (ServerRequest) -> ServerIntake
    ) throws(CakeError) {
        let listener = try Listener(address)
        let core = ServerCore(limits, pool, handler, log: log)
        guard let daemon = ServerDaemon(core, listener: listener.descriptor, certificate) else {
            close(listener.descriptor)
            throw CakeError(
                .failed, "the HTTP server cannot start on \(address)",
                fix: certificate == nil
                    ? "allow more open files: ulimit -n 4096" : "look whether the key is the certificate's")
        }
        daemons = Daemons(daemon)
        self.core = core
        port = listener.port
        core.clients.watch()
    }

    /// New connections are met with another certificate. When it is none, the old one stays.
    public func replace(_ certificate: ServerCertificate) throws(CakeError) {
        let isReplaced = daemons.all.withLock { all in
            guard let current = all.last, !core.isDraining else { return true }
            let listener = fcntl(current.listener, F_DUPFD_CLOEXEC, 0)
            guard listener >= 0, let next = ServerDaemon(core, listener: listener, certificate) else {
                if listener >= 0 { close(listener) }
                return false
            }
            all.append(next)
            current.stopListening()
            return true
        }
        guard isReplaced else {
            throw CakeError(
                .failed, "the new certificate cannot be used", fix: "look whether the key is the certificate's")
        }
    }

    /// Takes no more connections. What is open is answered, and closed after that.
    public func drain() {
        guard core.drain() else { return }
        daemons.all.withLock { $0.last }?.stopListening()
    }

    /// Whether no request is at work.
    public var isIdle: Bool { core.isIdle }

    deinit {
        core.clients.stopWatching()
        drain()
        // What is being answered waits for a disk, not for a client.
        while core.isWorking { usleep(1000) }
        daemons.all.withLock { $0 = [] }
    }
}
