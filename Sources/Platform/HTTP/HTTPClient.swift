public import Model

/// Asks servers. Redirects are not followed and tokens not forwarded: whoever asks decides where to go on, and with what.
public final class HTTPClient: Sendable {
    private let loop: HTTPLoop
    private let pool = ChunkPool(chunkCapacity: 256 << 10)
    private let settings: HTTPSettings

    public init(_ settings: HTTPSettings) throws(CakeError) {
        self.settings = settings
        loop = try HTTPLoop(settings)
    }

    /// Returns when the head of the answer is there.
    public func open(_ request: HTTPRequest) async throws -> HTTPExchange {
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

    /// A small answer as a whole.
    public func fetch(_ request: HTTPRequest, limit: Int) async throws -> (head: HTTPHead, body: [UInt8]) {
        let exchange = try await open(request)
        return (exchange.head, try await exchange.body(limit: limit))
    }

    deinit { loop.stop() }
}
