internal import CMicroHTTPD
internal import CShims
internal import Glibc
public import Model

/// libmicrohttpd, answering on threads of its own until this is let go. Many connections share a thread: a body is taken as
/// it comes, and an answer that waits for the disk is made elsewhere, its connection suspended meanwhile.
@safe public struct HTTPServer: ~Copyable, @unchecked Sendable {
    /// The port it listens on, also when any free one was asked for.
    public let port: UInt16
    private let core: ServerCore
    private let daemon: OpaquePointer

    /// More than a head may have: the rest is room for bodies on their way.
    private static let connectionMemory = 256 << 10

    public init(
        _ address: ListenAddress, _ limits: ServerLimits, pool: BlockingPool,
        log: @escaping @Sendable (ServerRecord) -> Void = { _ in },
        _ handler: @escaping @Sendable (ServerRequest) -> ServerIntake
    ) throws(CakeError) {
        let listener = try Listener(address)
        let core = ServerCore(limits, pool, handler, log: log)
        var server = unsafe cake_http_server()
        unsafe server.listener = listener.descriptor
        unsafe server.threads = UInt32(clamping: limits.threads)
        unsafe server.connections = UInt32(clamping: limits.connections)
        unsafe server.connections_per_client = UInt32(clamping: limits.connectionsPerClient)
        unsafe server.idle_seconds = UInt32(clamping: limits.idleSeconds)
        unsafe server.connection_memory = HTTPServer.connectionMemory
        // Held by this value for as long as there is a daemon.
        unsafe server.context = Unmanaged.passUnretained(core).toOpaque()
        unsafe server.begin = { context, address, _ in unsafe begin(context, address) }
        unsafe server.handle = { context, connection, _, method, _, bytes, count, own in
            unsafe handle(context, connection, method, bytes, count, own)
        }
        unsafe server.end = { context, connection, own, reason in unsafe end(context, connection, own, reason) }
        unsafe server.connection = { context, connection, _, what in unsafe connectionChanged(context, connection, what)
        }
        guard let daemon = unsafe cake_http_start(&server) else {
            close(listener.descriptor)
            throw CakeError(
                .failed, "the HTTP server cannot start on \(address)", fix: "allow more open files: ulimit -n 4096")
        }
        unsafe self.daemon = daemon
        self.core = core
        port = listener.port
        core.clients.watch()
    }

    /// Takes no more connections. What is open is answered, and closed after that.
    public func drain() {
        guard core.drain() else { return }
        let listener = unsafe MHD_quiesce_daemon(daemon)
        if listener >= 0 { close(listener) }
    }

    /// Whether no request is at work.
    public var isIdle: Bool { core.isIdle }

    deinit {
        core.clients.stopWatching()
        if core.drain() {
            let listener = unsafe MHD_quiesce_daemon(daemon)
            if listener >= 0 { close(listener) }
        }
        // What is being answered waits for a disk, not for a client.
        while core.isWorking { usleep(1000) }
        unsafe MHD_stop_daemon(daemon)
    }
}

private func core(_ context: UnsafeMutableRawPointer?) -> ServerCore? {
    unsafe context.map { unsafe Unmanaged<ServerCore>.fromOpaque($0).takeUnretainedValue() }
}

private func begin(_ context: UnsafeMutableRawPointer?, _ address: UnsafePointer<CChar>?) -> UnsafeMutableRawPointer? {
    guard let core = unsafe core(context), let address = unsafe address else { return nil }
    core.begin()
    return unsafe Unmanaged.passRetained(ServerExchange(address: String(cString: address))).toOpaque()
}

private func handle(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ method: UnsafePointer<CChar>?,
    _ bytes: UnsafePointer<CChar>?, _ count: UnsafeMutablePointer<Int>?,
    _ own: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let core = unsafe core(context), let connection = unsafe connection, let method = unsafe method,
        let count = unsafe count, let own = unsafe own?.pointee
    else { return .NO }
    core.clients.awaitsHead(Int(bitPattern: connection), false)
    let exchange = unsafe Unmanaged<ServerExchange>.fromOpaque(own).takeUnretainedValue()
    guard let bytes = unsafe bytes, unsafe count.pointee > 0 else {
        return unsafe exchange.step(connection, method: String(cString: method), Span(), in: core)
    }
    let start = unsafe UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self)
    let run = unsafe Span<UInt8>(_unsafeStart: start, count: count.pointee)
    let result = unsafe exchange.step(connection, method: String(cString: method), run, in: core)
    unsafe count.pointee = 0
    return result
}

private func end(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ own: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ reason: MHD_RequestTerminationCode
) {
    guard let core = unsafe core(context), let pointer = unsafe own?.pointee else { return }
    unsafe own?.pointee = nil
    let exchange = unsafe Unmanaged<ServerExchange>.fromOpaque(pointer).takeRetainedValue()
    if let record = exchange.end(isWhole: reason == .REQUEST_TERMINATED_COMPLETED_OK) { core.log(record) }
    if let connection = unsafe connection { core.clients.awaitsHead(Int(bitPattern: connection), true) }
    core.end()
}

private func connectionChanged(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ what: MHD_ConnectionNotificationCode
) {
    guard let core = unsafe core(context), let connection = unsafe connection else { return }
    let key = Int(bitPattern: connection)
    if what == .CONNECTION_NOTIFY_STARTED {
        core.clients.opened(key, unsafe cake_http_socket(connection))
    } else {
        core.clients.closed(key)
    }
}
