internal import Glibc
public import Model
public import Platform

/// libmicrohttpd, answering on threads of its own until this is let go. Many connections share a thread: a body is taken as
/// it comes, and an answer that waits for the disk is made elsewhere, its connection suspended meanwhile.
public struct HTTPServer: ~Copyable, Sendable {
    /// The port it listens on, also when any free one was asked for.
    public let port: UInt16
    private let core: ServerCore
    private let daemons: ServerDaemons

    /// With a certificate it speaks TLS, and nothing else. `meanwhile` is called a few times a second, where it may wait.
    public init(
        _ address: ListenAddress, _ limits: ServerLimits, _ certificate: ServerCertificate? = nil, pool: BlockingPool,
        log: @escaping @Sendable (ServerRecord) -> Void = { _ in }, meanwhile: @escaping @Sendable () -> Void = {},
        _ handler: @escaping @Sendable (ServerRequest) -> ServerIntake
    ) throws(CakeError) {
        let listener = try Listener(address)
        let core = ServerCore(limits, pool, speaksPlain: certificate == nil, handler, log: log)
        guard let daemon = ServerDaemon(core, listener: listener.descriptor, certificate) else {
            close(listener.descriptor)
            throw CakeError(
                .failed, "the HTTP server cannot start on \(address)",
                fix: certificate == nil
                    ? "allow more open files: ulimit -n 4096" : "check that the key belongs to the certificate")
        }
        let daemons = ServerDaemons(daemon)
        self.daemons = daemons
        self.core = core
        port = listener.port
        core.clients.watch {
            daemons.endIdle()
            meanwhile()
        }
    }

    /// New connections use another certificate. If it is invalid, the old one stays.
    public func replace(_ certificate: ServerCertificate) throws(CakeError) {
        if core.isDraining { return }
        let isReplaced = daemons.replace { current in
            let listener = fcntl(current.listener, F_DUPFD_CLOEXEC, 0)
            guard listener >= 0 else { return nil }
            let next = ServerDaemon(core, listener: listener, certificate)
            if next == nil { close(listener) }
            return next
        }
        guard isReplaced else {
            throw CakeError(
                .failed, "the new certificate cannot be used", fix: "check that the key belongs to the certificate")
        }
    }

    /// Accepts no more connections. Open requests are answered, and their connections closed after that.
    public func drain() {
        guard core.drain() else { return }
        daemons.stopListening()
    }

    /// Threads serve connections under so many certificates.
    var generations: Int { daemons.count }

    /// Whether no request is at work.
    public var isIdle: Bool { core.isIdle }

    deinit {
        core.clients.stopWatching()
        drain()
        // The open answers wait for a disk, not for a client.
        while core.isWorking { usleep(1000) }
        daemons.endAll()
    }
}
