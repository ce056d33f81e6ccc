internal import CMicroHTTPD
internal import CNetwork
internal import Glibc
internal import Platform
internal import Synchronization

/// One request on its way through libmicrohttpd, from its first line to the end of its answer.
///
/// One thread at a time has it: libmicrohttpd's, or the one that answers while the connection is suspended.
final class ServerExchange: @unchecked Sendable {
    private enum Stage {
        case head
        case body(ServerIntake)
        case working
        case answered(ServerReply)
        case sending
    }

    private let address: String
    private let start = ContinuousClock.now
    private var request: ServerRequest?
    private var token: String?
    private var stage = Stage.head
    private var received: UInt64 = 0
    private var status = 0
    private var count: UInt64 = 0
    /// The received bytes of a body that is held.
    private var held: HeldBody?
    /// For bodies in memory, until the request is over.
    private var room: Budget.Reservation?

    init(address: String) { self.address = address }

    /// Called by libmicrohttpd: with the head, then with each run of the body, then at its end, and again when the
    /// connection was resumed.
    func step(
        _ connection: OpaquePointer, of client: ServerClient, method: String, _ bytes: Span<UInt8>, in core: ServerCore
    ) -> MHD_Result {
        switch stage {
        case .head:
            let request = unsafe ServerRequest(
                method: method, address: address, headers: headers(of: connection), client: client.address)
            self.request = request
            let intake = core.intake(of: request)
            token = intake.token
            stage = .body(intake)
            // An answer before the last call of libmicrohttpd would end the connection.
            guard case .refusal(let reply) = intake.manner else { return .YES }
            let isLong = request.length.map { $0 > core.limits.unwantedBytes } ?? false
            return isLong || request["expect"] != nil ? unsafe send(reply, on: connection, core) : .YES
        case .body(let intake):
            if bytes.count > 0 { return take(bytes, for: intake, core) }
            switch intake.manner {
            case .quick(let answer): return unsafe send(answer(), on: connection, core)
            case .refusal(let reply), .ready(let reply): return unsafe send(reply, on: connection, core)
            case .patient(let patient):
                return unsafe work(on: connection, of: client, core) { await patient.answer() }
            case .holding(let holding):
                if held?.end == .noRoom { return unsafe send(ServerExchange.noRoom, on: connection, core) }
                let (bytes, room) = held.map { $0.finish() } ?? ([], nil)
                held = nil
                return unsafe work(on: connection, of: client, core) {
                    let reply = await holding.answer(bytes)
                    // Before the answer is sent: its client may send another request at once.
                    room?.shrink(to: 0)
                    return reply
                }
            }
        case .answered(let reply): return unsafe send(reply, on: connection, core)
        case .working, .sending: return .YES
        }
    }

    /// The connection sleeps until there is an answer.
    private func work(
        on connection: OpaquePointer, of client: ServerClient, _ core: ServerCore,
        _ answer: @escaping @Sendable () async -> ServerReply
    ) -> MHD_Result {
        stage = .working
        // Counted before: a server that ends must not miss it.
        guard core.suspend() else { return .NO }
        unsafe MHD_suspend_connection(connection)
        let address = Int(bitPattern: connection)
        client.turns(to: .server)
        core.work {
            self.stage = .answered(await answer())
            unsafe MHD_resume_connection(OpaquePointer(bitPattern: address))
            core.resumed()
        }
        return .YES
    }

    private func take(_ bytes: Span<UInt8>, for intake: ServerIntake, _ core: ServerCore) -> MHD_Result {
        received += UInt64(bytes.count)
        switch intake.manner {
        case .patient(let patient):
            patient.receive(bytes)
            return .YES
        case .holding(let holding):
            let held = self.held ?? HeldBody(limit: holding.limit)
            self.held = held
            held.append(bytes, from: request?.client ?? "", core.memory)
            if held.end == .whole { return .YES }
        case .quick, .refusal, .ready: break
        }
        return received <= core.limits.unwantedBytes ? .YES : .NO
    }

    /// Other requests hold all the memory for bodies.
    private static let noRoom = ServerReply(
        503, [("Content-Type", "text/plain"), ("Retry-After", "1")],
        .bytes(Array("the server is busy: try again in a moment\n".utf8)))

    /// The request is over, however it ended.
    func end(isWhole: Bool) -> ServerRecord? {
        if case .body(let intake) = stage, case .patient(let patient) = intake.manner { patient.abandon() }
        guard let request else { return nil }
        return ServerRecord(
            request: request, status: status, bytes: count, received: received, duration: .now - start,
            isWhole: isWhole, token: token)
    }

    private func send(_ made: ServerReply, on connection: OpaquePointer, _ core: ServerCore) -> MHD_Result {
        stage = .sending
        var reply = made
        if case .stored(.memory(let bytes)) = reply.body, bytes.count > ServerExchange.smallBody,
            request?.method != "HEAD"
        {
            room = core.memory.take(UInt64(bytes.count), for: request?.client ?? "")
            if room == nil { reply = ServerExchange.noRoom }
        }
        status = reply.status
        count = request?.method == "HEAD" ? 0 : reply.count
        guard let response = unsafe ServerExchange.response(reply, on: connection, core) else { return .NO }
        defer { unsafe MHD_destroy_response(response) }
        for (name, value) in reply.headers {
            // A string that is passed as it is would be copied first.
            let isAdded = unsafe name.withCString { name in
                unsafe value.withCString { unsafe MHD_add_response_header(response, name, $0) }
            }
            guard isAdded == .YES else { return .NO }
        }
        if core.isDraining { unsafe MHD_add_response_header(response, "Connection", "close") }
        return unsafe MHD_queue_response(connection, UInt32(reply.status), response)
    }

    /// Up to here a body is read and leaves with its head, in one call; the kernel's own sending takes several.
    private static let smallBody: UInt64 = 64 << 10

    private static func small(_ file: File, _ range: Range<UInt64>) -> OpaquePointer? {
        let count = range.count
        guard let memory = unsafe malloc(max(count, 1)) else { return nil }
        var room = unsafe MutableSpan(
            _unsafeStart: memory.assumingMemoryBound(to: UInt8.self), count: count)
        // The promised bytes are there, or the connection is cut.
        guard (try? file.read(into: &room, at: range.lowerBound)) == count,
            let made = unsafe MHD_create_response_from_buffer(count, memory, .RESPMEM_MUST_FREE)
        else {
            unsafe free(memory)
            return nil
        }
        return unsafe made
    }

    private static func response(
        _ reply: ServerReply, on connection: OpaquePointer, _ core: ServerCore
    ) -> OpaquePointer? {
        switch reply.body {
        case .stored(.memory(let bytes)):
            return unsafe bytes.withUnsafeBytes { buffer in
                unsafe MHD_create_response_from_buffer(
                    buffer.count, UnsafeMutableRawPointer(mutating: buffer.baseAddress), .RESPMEM_MUST_COPY)
            }
        case .stored(.file(let file, let range)) where range.upperBound - range.lowerBound <= ServerExchange.smallBody:
            return unsafe small(file, range)
        case .stored(.file(let file, let range)):
            // The answer closes its descriptor, and the file may have other owners.
            let descriptor = file.duplicate()
            guard descriptor >= 0 else { return nil }
            let made = unsafe MHD_create_response_from_fd_at_offset64(
                range.upperBound - range.lowerBound, descriptor, range.lowerBound)
            if unsafe made == nil { close(descriptor) }
            return unsafe made
        case .stored(.runs(let runs)):
            let reader = unsafe Unmanaged.passRetained(FileRunReader(runs)).toOpaque()
            // Once made, it lets the reader go itself.
            let made = unsafe MHD_create_response_from_callback(
                runs.count, FileRunReader.step, { unsafe read($0, $1, $2, $3) }, reader, { unsafe letGo($0) })
            if unsafe made == nil { unsafe letGo(reader) }
            return unsafe made
        case .stream(let stream):
            return unsafe ServerStream.Reader(stream, connection, core).response()
        }
    }
}

private func read(
    _ reader: UnsafeMutableRawPointer?, _ position: UInt64, _ room: UnsafeMutablePointer<CChar>?, _ count: Int
) -> Int {
    guard let reader = unsafe reader, let room = unsafe room else { return FileRunReader.failed }
    let start = unsafe UnsafeMutableRawPointer(room).assumingMemoryBound(to: UInt8.self)
    var span = unsafe MutableSpan(_unsafeStart: start, count: count)
    return unsafe Unmanaged<FileRunReader>.fromOpaque(reader).takeUnretainedValue().read(into: &span, from: position)
}

private func letGo(_ reader: UnsafeMutableRawPointer?) {
    if let reader = unsafe reader { unsafe Unmanaged<FileRunReader>.fromOpaque(reader).release() }
}

private final class Fields {
    var all: [(name: String, value: String)] = []
}

private func headers(of connection: OpaquePointer) -> [(name: String, value: String)] {
    let fields = Fields()
    let context = unsafe Unmanaged.passUnretained(fields).toOpaque()
    unsafe MHD_get_connection_values(
        connection, .HEADER_KIND,
        { context, _, name, value in
            guard let context = unsafe context, let name = unsafe name else { return .NO }
            let text = unsafe value.map { unsafe String(cString: $0) } ?? ""
            unsafe Unmanaged<Fields>.fromOpaque(context).takeUnretainedValue().all
                .append((String(cString: name).lowercased(), text))
            return .YES
        }, context)
    return fields.all
}
