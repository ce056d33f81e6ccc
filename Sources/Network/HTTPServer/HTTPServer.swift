internal import Glibc
public import Model
public import Platform

/// libmicrohttpd, answering on threads of its own until this is released. Many connections share a thread: a body is
/// taken as it comes, and an answer that waits for the disk is made elsewhere, while its connection is suspended.
public struct HTTPServer: ~Copyable, Sendable {
    /// The port it listens on, also when any free one was asked for.
    public let port: UInt16
    private let core: ServerCore
    private let daemons: ServerDaemons
    private let acceptor: Acceptor

    /// With a certificate it uses TLS only. `meanwhile` is called a few times a second, and may wait.
    public init(
        _ address: ListenAddress, _ limits: ServerLimits, _ certificate: ServerCertificate? = nil, pool: BlockingPool,
        log: @escaping @Sendable (ServerRecord) -> Void = { _ in }, meanwhile: @escaping @Sendable () -> Void = {},
        _ handler: @escaping @Sendable (ServerRequest) -> ServerIntake
    ) throws(CakeError) {
        let listener = try Listener(address)
        let core = ServerCore(limits, pool, speaksPlain: certificate == nil, handler, log: log)
        guard let daemons = ServerDaemon(core, certificate).map({ ServerDaemons($0) }),
            let acceptor = Acceptor.start(listener, core.clients, hand: { daemons.take($0, from: $1) })
        else {
            close(listener.descriptor)
            throw CakeError(
                .failed, "the HTTP server cannot start on \(address)",
                fix: certificate == nil
                    ? "allow more open files: ulimit -n 4096" : "check that the key belongs to the certificate")
        }
        self.daemons = daemons
        self.acceptor = acceptor
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
        guard daemons.replace({ ServerDaemon(core, certificate) }) else {
            throw CakeError(
                .failed, "the new certificate cannot be used", fix: "check that the key belongs to the certificate")
        }
    }

    /// Accepts no more connections. Open requests are answered, and their connections closed after that.
    public func drain() {
        if core.drain() { acceptor.stop() }
    }

    /// Threads serve connections under so many certificates.
    var generations: Int { daemons.count }

    /// Whether no request is at work.
    public var isIdle: Bool { core.isIdle }

    /// How many are.
    public var openRequests: Int { core.openRequests }

    deinit {
        core.clients.stopWatching()
        drain()
        core.endSuspending()
        // The open answers wait for a disk, not for a client.
        while core.isWorking { usleep(1000) }
        daemons.endAll()
    }
}
