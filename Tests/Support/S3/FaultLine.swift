internal import Model
internal import Network
internal import Platform
internal import Synchronization

/// Stands between a client and a server, passes requests on, and spoils answers as a test wants.
public final class FaultLine: Sendable {
    public enum Fault: Sendable, Hashable {
        /// The server never sees the request.
        case refused(Int, code: String)
        /// The server does what was asked, and its answer is lost behind a proxy, which says that.
        case lostAnswer
        /// The answer ends after so many bytes of its body.
        case cut(Int)
        /// Nothing of the body comes, and the connection stays.
        case silent
        /// The first byte of the body is another.
        case wrongByte
        case wrongETag
        /// The server gets the request twice, and the second answer goes back.
        case twice
    }

    private let server: HTTPServer
    private let plan: Plan

    private final class Plan: Sendable {
        /// For requests in their order; nil to pass one on.
        let faults: Mutex<[@Sendable (String, String) -> Fault?]>
        /// Connections on which nothing moves; nil once all of them have ended.
        let silent = Mutex<[@Sendable () -> Void]?>([])

        init(_ faults: [@Sendable (String, String) -> Fault?]) { self.faults = Mutex(faults) }

        func next(_ request: ServerRequest) -> Fault? {
            faults.withLock { faults in
                guard let first = faults.first, let fault = first(request.method, request.address) else { return nil }
                faults.removeFirst()
                return fault
            }
        }
    }

    /// Each of `faults` is asked with the method and the address of each request, until it gives a fault.
    public init(to target: String, _ faults: [@Sendable (String, String) -> Fault?]) throws {
        let plan = Plan(faults)
        self.plan = plan
        var limits = ServerLimits()
        (limits.heldBytes, limits.heldBytesPerClient) = (1 << 30, 1 << 30)
        let client = try HTTPClient(HTTPSettings(userAgent: "cake-tests"))
        server = try HTTPServer(ListenAddress(host: "127.0.0.1", port: 0), limits, pool: testPool) { request in
            .holding(atMost: 256 << 20) { body in
                let fault = plan.next(request)
                do {
                    return try await FaultLine.answer(request, body ?? [], fault, target, client, plan)
                } catch { return ServerReply(502) }
            }
        }
    }

    public var endpoint: String { "http://127.0.0.1:\(server.port)" }

    /// How many of the faults did not come.
    public var left: Int { plan.faults.withLock { $0.count } }

    /// Ends all silences.
    public func end() {
        let waiting = plan.silent.withLock { silent in
            defer { silent = nil }
            return silent ?? []
        }
        for wake in waiting { wake() }
    }

    deinit { end() }

    private static func answer(
        _ request: ServerRequest, _ body: [UInt8], _ fault: Fault?, _ target: String, _ client: HTTPClient, _ plan: Plan
    ) async throws -> ServerReply {
        if case .refused(let status, let code) = fault { return S3Shelf.refusal(status, code) }
        if fault == .twice { _ = try await passOn(request, body, target, client) }
        var (head, bytes) = try await passOn(request, body, target, client)
        var headers = kept.compactMap { name in head[name].map { (name: name, value: $0) } }
        switch fault {
        case .lostAnswer: return ServerReply(502)
        // The answer to HEAD has no body that could be cut.
        case .cut(let count) where request.method != "HEAD":
            return broken(
                status: head.status, headers, after: Array(bytes.prefix(count)), of: max(bytes.count, count + 1))
        case .silent:
            return ServerReply(
                head.status, headers,
                .stream(
                    ServerStream(count: 1 << 20) { _, _ in
                        plan.silent.withLock { $0 == nil } ? nil : 0
                    } wait: { _, wake in
                        let isOver = plan.silent.withLock { silent in
                            silent?.append(wake)
                            return silent == nil
                        }
                        if isOver { wake() }
                    }))
        case .wrongByte: if !bytes.isEmpty { bytes[0] ^= 1 }
        case .wrongETag: headers = headers.map { $0.name == "etag" ? ("etag", "\"another\"") : $0 }
        default: break
        }
        if request.method == "HEAD", let length = head.contentLength {
            return ServerReply(
                head.status, headers,
                .stream(
                    ServerStream(count: length) { _, _ in
                        nil
                    } wait: { _, _ in
                    }))
        }
        return ServerReply(head.status, headers, .bytes(bytes))
    }

    /// A body that ends before it is whole, with the connection.
    private static func broken(
        status: Int, _ headers: [(name: String, value: String)], after bytes: [UInt8], of count: Int
    ) -> ServerReply {
        ServerReply(
            status, headers,
            .stream(
                ServerStream(count: UInt64(count)) { room, position in
                    let start = Int(position)
                    guard start < bytes.count else { return nil }
                    let end = min(bytes.count, start + room.count)
                    room.copy(bytes.span.extracting(start..<end), at: 0)
                    return end - start
                } wait: { _, _ in
                }))
    }

    private static let kept = ["etag", "last-modified", "content-range", "content-type", "retry-after"] + notes
    private static let notes = ["put", "sha256", "instead"].map { "x-amz-meta-cake-" + $0 }

    private static func passOn(
        _ request: ServerRequest, _ body: [UInt8], _ target: String, _ client: HTTPClient
    ) async throws -> (HTTPHead, [UInt8]) {
        var asked = HTTPRequest(HTTPRequest.Method(rawValue: request.method) ?? .get, target + request.address)
        let dropped: Set = ["connection", "content-length", "expect", "accept", "accept-encoding", "user-agent"]
        asked.headers = request.headers.filter { !dropped.contains($0.name) }
        asked.body = body
        return try await client.fetch(asked, limit: 256 << 20)
    }
}
