internal import CMicroHTTPD
internal import CNetwork
internal import Glibc
internal import Platform

/// libmicrohttpd with one certificate, until this is released: then no request may be open.
@safe final class ServerDaemon: @unchecked Sendable {
    private let daemon: OpaquePointer
    private let core: ServerCore
    /// Looked at for as long as it runs.
    private let certificate: [CChar]?
    private let key: [CChar]?

    /// More than the limit of a head: the rest is room for bodies. All of it is wiped between two requests; with much
    /// more memory this takes longer than the answer.
    private static let connectionMemory = 48 << 10

    /// Nil when it cannot start.
    init?(_ core: ServerCore, _ shown: ServerCertificate?) {
        let limits = core.limits
        var server = unsafe cake_http_server()
        unsafe server.threads = UInt32(clamping: limits.threads)
        unsafe server.connections_per_client = UInt32(clamping: limits.connectionsPerClient)
        unsafe server.idle_seconds = UInt32(clamping: limits.idleSeconds)
        unsafe server.connection_memory = ServerDaemon.connectionMemory
        // Held by this value for as long as there is a daemon.
        unsafe server.context = Unmanaged.passUnretained(core).toOpaque()
        unsafe server.begin = { context, address, _ in unsafe begin(context, address) }
        unsafe server.handle = { context, connection, _, method, _, bytes, count, own in
            unsafe handle(context, connection, method, bytes, count, own)
        }
        unsafe server.end = { context, connection, own, reason in unsafe end(context, connection, own, reason) }
        unsafe server.connection = { context, connection, own, what in
            unsafe connectionChanged(context, connection, own, what)
        }
        certificate = shown.map { $0.certificate.map { CChar(bitPattern: $0) } + [0] }
        key = shown.map { $0.key.map { CChar(bitPattern: $0) } + [0] }
        let started: OpaquePointer?
        if let certificate, let key {
            unsafe started = unsafe certificate.withUnsafeBufferPointer { certificate in
                unsafe key.withUnsafeBufferPointer { key in
                    unsafe server.certificate = certificate.baseAddress
                    unsafe server.key = key.baseAddress
                    return unsafe cake_http_start(&server)
                }
            }
        } else {
            unsafe started = unsafe cake_http_start(&server)
        }
        guard let started = unsafe started else { return nil }
        unsafe daemon = started
        self.core = core
    }

    /// Serves a connection. It is closed if its client has too many.
    func take(_ connection: Int32, from address: ClientAddress) {
        core.clients.accepted(connection)
        let isTaken = unsafe address.withBytes { unsafe MHD_add_connection(daemon, connection, $0, $1) }
        // Before the next one is accepted, which may have the same number.
        if isTaken == .NO { core.clients.closed(connection) }
    }

    /// How many are open; of one that is given no more they become fewer.
    var connections: Int { Int(unsafe cake_http_connections(daemon)) }

    deinit { unsafe MHD_stop_daemon(daemon) }
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
    guard let client = unsafe client(of: connection) else { return .NO }
    client.turns(to: .body)
    let exchange = unsafe Unmanaged<ServerExchange>.fromOpaque(own).takeUnretainedValue()
    guard let bytes = unsafe bytes, unsafe count.pointee > 0 else {
        return unsafe exchange.step(connection, of: client, method: String(cString: method), Span(), in: core)
    }
    let start = unsafe UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self)
    let run = unsafe Span<UInt8>(_unsafeStart: start, count: count.pointee)
    let result = unsafe exchange.step(connection, of: client, method: String(cString: method), run, in: core)
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
    if let connection = unsafe connection, let client = unsafe client(of: connection) { client.turns(to: .head) }
    core.end()
}

private func client(of connection: OpaquePointer) -> ServerClient? {
    unsafe cake_http_own(connection).map { unsafe Unmanaged<ServerClient>.fromOpaque($0).takeUnretainedValue() }
}

private func connectionChanged(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ own: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ what: MHD_ConnectionNotificationCode
) {
    guard let core = unsafe core(context), let connection = unsafe connection, let own = unsafe own else { return }
    if what == .CONNECTION_NOTIFY_STARTED {
        let client = unsafe ServerClient(cake_http_socket(connection), from: address(of: connection))
        if core.speaksPlain { TLSRefusal.answer(on: client.descriptor) }
        unsafe own.pointee = Unmanaged.passRetained(client).toOpaque()
        core.clients.opened(client)
    } else if let kept = unsafe own.pointee {
        core.clients.closed(unsafe Unmanaged<ServerClient>.fromOpaque(kept).takeRetainedValue().descriptor)
        unsafe own.pointee = nil
    }
}

private func address(of connection: OpaquePointer) -> String {
    var text = [CChar](repeating: 0, count: 64)
    unsafe cake_http_client(connection, &text, text.count)
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
