internal import Model
public import Platform
internal import Synchronization

/// An answer on its way: its head, then its body chunk by chunk. A reader that is slow slows the server, and nothing piles
/// up. Let go of, it ends.
public final class HTTPExchange: Sendable {
    private let transfer: HTTPTransfer
    public let head: HTTPHead

    init(_ transfer: HTTPTransfer, head: HTTPHead) {
        self.transfer = transfer
        self.head = head
    }

    /// The next bytes, or nil when the body has ended as it should.
    public func next() async throws -> Chunk? {
        do {
            return try await withTaskCancellationHandler {
                try await transfer.nextChunk()
            } onCancel: {
                transfer.cancel()
            }
        } catch {
            // The caller's cancellation, not the transfer's error for it.
            try Task.checkCancellation()
            throw error
        }
    }

    /// The next bytes if they are here already.
    public func ready() -> Chunk? { transfer.readyChunk() }

    /// Returns a chunk to be filled again.
    public func giveBack(_ chunk: Chunk) { transfer.giveBack(chunk) }

    /// The whole body of an answer that is known to be small.
    public func body(limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let chunk = try await next() {
            defer { giveBack(chunk) }
            guard bytes.count + chunk.count <= limit else {
                throw CakeError(.network, "an answer is longer than its limit of \(limit) bytes")
            }
            chunk.withBytes { piece in for index in piece.indices { bytes.append(piece[index]) } }
        }
        return bytes
    }

    /// The first bytes of a body that may be longer; the rest is not waited for.
    public func beginning(limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limit, let chunk = try await next() {
            defer { giveBack(chunk) }
            chunk.withBytes { piece in
                for index in piece.indices.prefix(limit - bytes.count) { bytes.append(piece[index]) }
            }
        }
        return bytes
    }

    public func cancel() { transfer.cancel() }

    deinit { transfer.cancel() }
}

/// One request in libcurl's hands: filled by the loop's thread, read by a task.
final class HTTPTransfer: Sendable {
    private struct State {
        var headerLines: [String] = []
        var headerBytes = 0
        var head: HTTPHead?
        /// Of the address that was connected; nil through a proxy.
        var reach: Host.Reach?
        var isRefused = false
        var chunks: [Chunk] = []
        var bytes = 0
        var isPaused = false
        /// Nil while it runs; then how it ended.
        var end: Result<Void, CakeError>?
        /// One task asks for the head, then one for the body.
        var headWaiter: Waiter<HTTPHead>?
        var chunkWaiter: Waiter<Chunk?>?
    }

    let request: HTTPRequest
    /// A body that is fed during the request.
    let outgoing: Outgoing?
    private let loop: HTTPLoop
    private let pool: ChunkPool
    private let limit: Int
    private let state = Mutex(State())

    static let headerLimit = 256 << 10

    init(_ request: HTTPRequest, loop: HTTPLoop, pool: ChunkPool, limit: Int, sending length: UInt64 = 0) {
        self.request = request
        self.loop = loop
        self.pool = pool
        self.limit = limit
        outgoing = length == 0 ? nil : Outgoing(length: length, limit: limit, pool: pool)
    }

    // Called by tasks.

    func send(_ chunk: Chunk) async throws {
        guard let outgoing else { return }
        if try outgoing.put(chunk) { loop.resume(self) }
        try await outgoing.waitForRoom()
    }

    func waitForHead() async throws -> HTTPHead {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready: Result<HTTPHead, any Error>? = state.withLock { state in
                    if let head = state.head { return .success(head) }
                    if case .failure(let error) = state.end { return .failure(error) }
                    if state.end != nil { return .failure(HTTPTransfer.noAnswer) }
                    state.headWaiter = Waiter(continuation)
                    return nil
                }
                if let ready { continuation.resume(with: ready) }
            }
        } onCancel: {
            cancel()
        }
    }

    func readyChunk() -> Chunk? {
        guard let (chunk, resumes) = state.withLock({ takeReady(&$0) }) else { return nil }
        if resumes { loop.resume(self) }
        return chunk
    }

    /// The first chunk, and whether libcurl has to be told that there is room again.
    private func takeReady(_ state: inout State) -> (chunk: Chunk, resumes: Bool)? {
        guard !state.chunks.isEmpty else { return nil }
        let chunk = HTTPTransfer.takeFirst(&state)
        let resumes = state.isPaused && state.bytes <= limit / 2
        if resumes { state.isPaused = false }
        return (chunk, resumes)
    }

    func nextChunk() async throws -> Chunk? {
        try await withCheckedThrowingContinuation { continuation in
            let (ready, resumes): (Result<Chunk?, any Error>?, Bool) = state.withLock { state in
                if let (chunk, resumes) = takeReady(&state) { return (.success(chunk), resumes) }
                switch state.end {
                case .success: return (.success(nil), false)
                case .failure(let error): return (.failure(error), false)
                case nil:
                    state.chunkWaiter = Waiter(continuation)
                    return (nil, false)
                }
            }
            if resumes { loop.resume(self) }
            if let ready { continuation.resume(with: ready) }
        }
    }

    func giveBack(_ chunk: Chunk) { pool.giveBack(chunk) }

    func cancel() {
        guard state.withLock({ $0.end == nil }) else { return }
        loop.cancel(self)
    }

    /// Paused, because the reader or sender here is slow.
    var isPaused: Bool { state.withLock { $0.isPaused } || outgoing?.isStarved == true }

    /// The request led further in than it may, and was not sent.
    var refusal: CakeError? { state.withLock { $0.isRefused } ? request.limit?.refusal : nil }

    // Called by the loop's thread.

    /// Before the request is sent. False when it is not to be. The reach is nil through a proxy.
    func connected(_ reach: Host.Reach?) -> Bool {
        state.withLock { state in
            state.reach = reach
            if let reach, let limit = request.limit { state.isRefused = reach > limit.reach }
            return !state.isRefused
        }
    }

    /// A line of the head as it came, without its end. False when there are too many.
    func receive(headerLine line: String) -> Bool {
        let (isFine, waiter, head): (Bool, Waiter<HTTPHead>?, HTTPHead?) = state.withLock {
            state in
            state.headerBytes += line.utf8.count
            guard state.headerBytes <= HTTPTransfer.headerLimit else { return (false, nil, nil) }
            if line.hasPrefix("HTTP/") { state.headerLines = [] }
            guard line.isEmpty else {
                state.headerLines.append(line)
                return (true, nil, nil)
            }
            guard let head = HTTPTransfer.head(from: state.headerLines, at: state.reach), head.status >= 200 else {
                return (true, nil, nil)
            }
            state.head = head
            defer { state.headWaiter = nil }
            return (true, state.headWaiter, head)
        }
        if let waiter, let head { waiter.tell(.success(head)) }
        return isFine
    }

    /// False when the reader has enough waiting: then libcurl keeps the bytes and stops reading.
    func receive(_ bytes: Span<UInt8>) -> Bool {
        let isFull = state.withLock { state in
            state.isPaused = state.bytes >= limit
            return state.isPaused
        }
        guard !isFull else { return false }
        loop.note(arrivalAt: self)
        var offset = 0
        // A server that sends in small pieces is not to fill memory with chunks that are nearly empty.
        state.withLock { state in
            guard let last = state.chunks.last else { return }
            offset = last.append(bytes)
            state.bytes += offset
        }
        while offset < bytes.count {
            let chunk = pool.take()
            let count = min(chunk.capacity, bytes.count - offset)
            chunk.copy(bytes.extracting(offset..<offset + count))
            offset += count
            state.withLock { state in
                state.chunks.append(chunk)
                state.bytes += chunk.count
            }
        }
        return true
    }

    /// Wakes a reader once libcurl has given all that it had: it gives 16 KiB at a time, and waking a task for each of
    /// them costs more than moving them.
    func deliver() {
        let (waiter, chunk): (Waiter<Chunk?>?, Chunk?) = state.withLock { state in
            guard state.chunkWaiter != nil, !state.chunks.isEmpty else { return (nil, nil) }
            defer { state.chunkWaiter = nil }
            return (state.chunkWaiter, HTTPTransfer.takeFirst(&state))
        }
        waiter?.tell(.success(chunk))
    }

    private static func takeFirst(_ state: inout State) -> Chunk {
        let chunk = state.chunks.removeFirst()
        state.bytes -= chunk.count
        return chunk
    }

    func finish(_ result: Result<Void, CakeError>) {
        outgoing?.end()
        deliver()
        let (head, chunk) = state.withLock { state in
            if state.end == nil { state.end = result }
            defer {
                state.headWaiter = nil
                state.chunkWaiter = nil
            }
            return (state.headWaiter, state.chunkWaiter)
        }
        switch result {
        case .success:
            head?.tell(.failure(HTTPTransfer.noAnswer))
            chunk?.tell(.success(nil))
        case .failure(let error):
            head?.tell(.failure(error))
            chunk?.tell(.failure(error))
        }
    }

    private static let noAnswer = CakeError(.network, "the server closed the connection without an answer")

    private static func head(from lines: [String], at reach: Host.Reach?) -> HTTPHead? {
        guard let first = lines.first else { return nil }
        let words = first.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, let status = Int(words[1]) else { return nil }
        let fields = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
            guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            let value = line[line.utf8.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            return (line[..<colon].lowercased(), String(value))
        }
        return HTTPHead(status: status, reach: reach, fields: fields)
    }
}
