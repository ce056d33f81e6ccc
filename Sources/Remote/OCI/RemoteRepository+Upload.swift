package import Model
internal import Network
package import Platform

/// Bytes that are sent: from any place on, since an upload may go on where it stopped.
package struct UploadBody: Sendable {
    let name: BlobName
    let size: UInt64
    let send: @Sendable (Range<UInt64>, UploadSink) async throws -> Void

    package init(
        name: BlobName, size: UInt64, send: @escaping @Sendable (Range<UInt64>, UploadSink) async throws -> Void
    ) {
        self.name = name
        self.size = size
        self.send = send
    }
}

/// Takes the bytes of an upload, one chunk after the other.
package struct UploadSink: Sendable {
    private let taking: @Sendable () -> Chunk
    private let sending: @Sendable (Chunk) async throws -> Void
    /// False where the bytes are only hashed, before they are sent.
    package let isSending: Bool

    init(_ sender: HTTPSender) {
        (taking, sending) = ({ sender.take() }, { try await sender.send($0) })
        isSending = true
    }

    /// For bytes that are hashed.
    init(take: @escaping @Sendable () -> Chunk, hash: @escaping @Sendable (Chunk) -> Void) {
        (taking, sending, isSending) = (take, hash, false)
    }

    /// An empty chunk, to be filled and sent.
    package func take() -> Chunk { taking() }

    package func send(_ chunk: Chunk) async throws { try await sending(chunk) }
}

extension RemoteRepository {
    /// How a blob was copied.
    package enum Copied: Sendable { case wasThere, mounted, sent }

    /// Sends a blob unless it is there, or can be mounted from another repository of the same registry. A blob that
    /// must be replaced is always sent.
    package func copyBlob(
        _ body: UploadBody, from other: RepositoryName? = nil, isReplaced: Bool = false,
        inPiecesOf chunk: UInt64? = nil
    ) async throws -> Copied {
        if !isReplaced {
            if try await has(body.name, size: body.size) { return .wasThere }
            if let other, try await mount(body.name, from: other) { return .mounted }
        }
        try await upload(body, inPiecesOf: chunk)
        return .sent
    }

    /// Takes a blob over from another repository of the same registry. False when the registry would rather be sent it.
    package func mount(_ blob: BlobName, from other: RepositoryName) async throws -> Bool {
        if let own = try await inBucket { return try await own.mount(blob) }
        let url = client.routes.uploads(to: name, mounting: blob, from: other)
        let exchange = try await client.ask(
            HTTPRequest(.post, url.text), at: url, for: purpose("blob \(blob.short) of \(other)", from: other),
            accepting: [201, 202, 404])
        if exchange.head.status == 202 { try await giveUp(exchange, from: url) }
        return exchange.head.status == 201
    }

    /// Cancels an upload. A registry that does not support this drops it later.
    private func giveUp(_ exchange: HTTPExchange, from url: WebURL) async throws {
        guard let place = try? next(exchange, after: url) else { return }
        do {
            _ = try await client.once(
                HTTPRequest(.delete, place.text), at: place, for: purpose("an upload"), accepting: [200, 202, 204])
        } catch { try Task.checkCancellation() }
    }

    /// Sends a blob: at once, or in pieces of `chunk` bytes. After a temporary failure it continues where the registry
    /// says that it stopped.
    private func upload(_ body: UploadBody, inPiecesOf chunk: UInt64? = nil) async throws {
        if let own = try await inBucket { return try await own.upload(body) }
        let words = purpose("an upload of \(Quantities.bytes(body.size)) to \(name)")
        var place: WebURL?
        var (start, failures, chunk) = (UInt64(0), 0, chunk)
        while true {
            do {
                let (begun, least) = try await begin(at: place, words)
                if let least, let wanted = chunk { chunk = max(wanted, least) }
                place = begun
                if start == 0, chunk == nil {
                    try await finish(begun, body, 0..<body.size, words)
                } else {
                    let step = chunk ?? body.size
                    var next = begun
                    while start < body.size {
                        let end = min(body.size, start + min(step, body.size - start))
                        next = try await piece(next, body, start..<end, words)
                        place = next
                        start = end
                    }
                    try await finish(next, body, body.size..<body.size, words)
                }
                return
            } catch let failure as TransientFailure {
                failures += 1
                guard let wait = failure.wait(afterFailures: failures) else { throw failure.error }
                try await Task.sleep(for: wait)
                if let stopped = place, let (next, end) = try await state(of: stopped, words), end <= body.size {
                    if end > start { failures = 0 }
                    (place, start) = (next, end)
                } else {
                    (place, start) = (nil, 0)
                }
            } catch let refusal as TooLarge {
                guard chunk == nil else { throw refusal.error }
                // A proxy that bears no large bodies may bear pieces.
                (place, start, chunk) = (nil, 0, RemoteRepository.modestPiece)
            }
        }
    }

    private struct TooLarge: Error {
        let error: any Error
    }

    private static let tooLarge = 413
    private static let modestPiece: UInt64 = 32 << 20

    /// A place to send to, and the least that a piece may have.
    private func begin(
        at place: WebURL?, _ words: RegistryClient.Purpose
    ) async throws -> (WebURL, least: UInt64?) {
        if let place { return (place, nil) }
        let url = client.routes.uploads(to: name)
        let exchange = try await client.once(
            HTTPRequest(.post, url.text), at: url, for: words, accepting: [202])
        let least = exchange.head["oci-chunk-min-length"].flatMap { UInt64($0) }
        return (try next(exchange, after: url), least)
    }

    private func next(_ exchange: HTTPExchange, after url: WebURL) throws -> WebURL {
        guard let location = exchange.head["location"] else { throw lie("begins an upload without an address") }
        let next = try url.resolving(location)
        guard client.routes.mayTell(next.origin) else { throw lie("wants the upload sent to \(next.origin)") }
        try client.limit(on: next.origin)?.check(next.origin)
        return next
    }

    private func request(_ method: HTTPRequest.Method, _ url: WebURL) -> HTTPRequest {
        var request = HTTPRequest(method, url.text)
        request.headers.append(("Content-Type", "application/octet-stream"))
        request.stallSeconds = RemoteRepository.patience
        return request
    }

    /// The last bytes, or none, and the digest of all of them.
    private func finish(
        _ place: WebURL, _ body: UploadBody, _ range: Range<UInt64>, _ words: RegistryClient.Purpose
    ) async throws {
        let url = place.adding("digest", "\(body.name)")
        let exchange = try await client.once(
            request(.put, url), at: url, for: words, accepting: [201, RemoteRepository.tooLarge],
            sending: (UInt64(range.count), { try await body.send(range, UploadSink($0)) }))
        if exchange.head.status == RemoteRepository.tooLarge {
            throw TooLarge(error: try await client.refusal(exchange, words))
        }
        if let said = exchange.head["docker-content-digest"].flatMap({ BlobName($0) }), said != body.name,
            said.algorithm == body.name.algorithm
        {
            throw lie("stored blob \(body.name.short) as \(said.short)")
        }
    }

    private func piece(
        _ place: WebURL, _ body: UploadBody, _ range: Range<UInt64>, _ words: RegistryClient.Purpose
    ) async throws -> WebURL {
        var request = request(.patch, place)
        request.headers.append(("Content-Range", "\(range.lowerBound)-\(range.upperBound - 1)"))
        let exchange = try await client.once(
            request, at: place, for: words, accepting: [202],
            sending: (UInt64(range.count), { try await body.send(range, UploadSink($0)) }))
        return try next(exchange, after: place)
    }

    /// How many bytes of an upload the registry has; nil if it does not say.
    private func state(
        of place: WebURL, _ words: RegistryClient.Purpose
    ) async throws -> (WebURL, UInt64)? {
        do {
            let exchange = try await client.once(
                HTTPRequest(.get, place.text), at: place, for: words, accepting: [204])
            guard let range = exchange.head["range"].flatMap({ ByteRange.chunk($0) }), range.lowerBound == 0 else {
                return nil
            }
            // An empty upload says 0-0, and so does one with a single byte: starting again costs that byte.
            guard range.upperBound > 1 else { return nil }
            return ((try? next(exchange, after: place)) ?? place, range.upperBound)
        } catch {
            try Task.checkCancellation()
            return nil
        }
    }
}
