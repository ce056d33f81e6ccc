public import Model
internal import Platform

/// Sends requests. It follows no redirects and forwards no tokens: the caller decides where to continue, and with which
/// credentials.
public final class HTTPClient: Sendable {
    private let loop: HTTPLoop
    private let pool = ChunkPool(chunkCapacity: 256 << 10)
    private let settings: HTTPSettings

    public init(_ settings: HTTPSettings) throws(CakeError) {
        var settings = settings
        settings.certificates = settings.certificates ?? SystemCertificates.file
        self.settings = settings
        loop = try HTTPLoop(settings)
    }

    /// Returns when the head of the answer is there.
    public func open(_ request: HTTPRequest) async throws -> HTTPExchange {
        try await observed(request) { try await begin(request) }
    }

    private func observed(
        _ request: HTTPRequest, _ open: () async throws -> HTTPExchange
    ) async throws -> HTTPExchange {
        guard let observer = settings.observer else { return try await open() }
        let start = ContinuousClock.now
        func tell(_ status: Int?) {
            observer(
                HTTPObservation(
                    method: request.method, address: String(request.url.prefix { $0 != "?" }), range: request.range,
                    status: status, time: ContinuousClock.now - start))
        }
        do {
            let exchange = try await open()
            tell(exchange.head.status)
            return exchange
        } catch {
            tell(nil)
            throw error
        }
    }

    private func begin(_ request: HTTPRequest) async throws -> HTTPExchange {
        try Task.checkCancellation()
        let transfer = HTTPTransfer(request, loop: loop, pool: pool, limit: settings.bufferedBytes)
        loop.start(transfer)
        do {
            return HTTPExchange(transfer, head: try await transfer.waitForHead())
        } catch {
            transfer.cancel()
            try Task.checkCancellation()
            throw error
        }
    }

    /// The same with a body of so many bytes, which `feed` sends during the request. An answer before the end of the
    /// body ends the feeding.
    public func open(
        _ request: HTTPRequest, sending length: UInt64,
        _ feed: @escaping @Sendable (HTTPSender) async throws -> Void
    ) async throws -> HTTPExchange {
        try await observed(request) { try await begin(request, sending: length, feed) }
    }

    private func begin(
        _ request: HTTPRequest, sending length: UInt64,
        _ feed: @escaping @Sendable (HTTPSender) async throws -> Void
    ) async throws -> HTTPExchange {
        try Task.checkCancellation()
        let transfer = HTTPTransfer(
            request, loop: loop, pool: pool, limit: settings.bufferedBytes, sending: length)
        guard let outgoing = transfer.outgoing else { return try await begin(request) }
        loop.start(transfer)
        do {
            return try await withThrowingTaskGroup(of: HTTPHead?.self) { group in
                group.addTask { try await transfer.waitForHead() }
                group.addTask { [pool] in
                    do {
                        try await feed(HTTPSender(transfer: transfer, pool: pool))
                    } catch is HTTPSender.Ended { return nil }
                    guard outgoing.missing == 0 else {
                        throw CakeError(.failed, "a body ended \(outgoing.missing) bytes early")
                    }
                    return nil
                }
                var head: HTTPHead?
                while head == nil, let found = try await group.next() { head = found }
                group.cancelAll()
                guard let head else { throw CakeError(.network, "the server closed the connection without an answer") }
                return HTTPExchange(transfer, head: head)
            }
        } catch {
            transfer.cancel()
            try Task.checkCancellation()
            throw error
        }
    }

    /// A small answer as a whole.
    public func fetch(_ request: HTTPRequest, limit: Int) async throws -> (head: HTTPHead, body: [UInt8]) {
        let exchange = try await open(request)
        return (exchange.head, try await exchange.body(limit: limit))
    }

    deinit { loop.stop() }
}
