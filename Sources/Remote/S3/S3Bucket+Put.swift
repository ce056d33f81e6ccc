package import Model
internal import Network
package import Platform
internal import Synchronization

/// Bytes to put, from any place.
package struct S3Body: Sendable {
    let size: UInt64
    /// Of all of them, if it is known.
    let digest: Digest?
    let send: @Sendable (Range<UInt64>, UploadSink) async throws -> Void

    package init(
        size: UInt64, digest: Digest? = nil, send: @escaping @Sendable (Range<UInt64>, UploadSink) async throws -> Void
    ) {
        (self.size, self.digest, self.send) = (size, digest, send)
    }

    package init(_ bytes: [UInt8]) {
        self.init(size: UInt64(bytes.count), digest: SHA256.digest(of: bytes.span)) { range, sink in
            try await S3Body.inChunks(range, sink) { part, chunk in
                chunk.copy(bytes.span.extracting(Int(part.lowerBound)..<Int(part.upperBound)))
            }
        }
    }

    /// Sends a range in chunks that `fill` puts the bytes into.
    package static func inChunks(
        _ range: Range<UInt64>, _ sink: UploadSink, fill: (Range<UInt64>, Chunk) async throws -> Void
    ) async throws {
        var start = range.lowerBound
        while start < range.upperBound {
            let chunk = sink.take()
            let end = start + min(UInt64(chunk.capacity), range.upperBound - start)
            try await fill(start..<end, chunk)
            guard UInt64(chunk.count) == end - start else { throw CakeError(.damaged, "the bytes to send end early") }
            start = end
            try await sink.send(chunk)
        }
    }

    func digest(of range: Range<UInt64>) async throws -> Digest {
        if let digest, range == 0..<size { return digest }
        let running = Running()
        let chunk = Chunk(capacity: 256 << 10)
        let sink = UploadSink {
            chunk.count = 0
            return chunk
        } hash: { chunk in
            chunk.withBytes { bytes in running.hash.withLock { $0?.update(bytes) } }
        }
        try await send(range, sink)
        guard let found = running.hash.withLock({ $0.take()?.finish() }) else {
            throw CakeError(.failed, "bytes were hashed twice")
        }
        return found
    }

    private final class Running: Sendable {
        let hash = Mutex<SHA256?>(SHA256())
    }
}

/// What must hold for a value to be put.
package enum S3Condition: Hashable, Sendable {
    case always
    case absent
    /// The ETag of the value that is replaced.
    case unchanged(String)

    var headers: [(name: String, value: String)] {
        switch self {
        case .always: []
        case .absent: [("If-None-Match", "*")]
        // Without quotes: Ceph compares all of the text.
        case .unchanged(let etag): [("If-Match", etag)]
        }
    }
}

extension S3Bucket {
    /// The most that one request may put.
    package static let largestPut: UInt64 = 5 << 30

    /// Puts a value in one request. False, and nothing is changed, if the condition does not hold.
    package func put(
        _ body: S3Body, at key: String, if condition: S3Condition, notes: [Note: String] = [:],
        isSentOnce: Bool = false
    ) async throws -> Bool {
        var asked = question(.put, key, "to write ")
        var notes = notes
        notes[.put] = S3Bucket.newName
        // TLS protects bytes on the way. Without it their digest does.
        if client.endpoint.origin.scheme == .http || body.digest != nil {
            let digest = try await body.digest(of: 0..<body.size)
            notes[.sha256] = digest.hex
            asked.digest = digest
        }
        asked.headers = condition.headers + notes.map { ($0.key.header, $0.value) }
        let (question, id) = (asked, notes[.put])
        func send() async throws -> Bool {
            // An engine answers either status where the value to replace is missing.
            let exchange = try await once(
                question, accepting: condition == .always ? [200] : [200, 404, 412],
                sending: sent(body, 0..<body.size))
            if exchange.head.status == 200 {
                _ = try? await exchange.beginning(limit: S3Client.largestRefusal)
                return true
            }
            if exchange.head.status == 404 { try await refuseMissingBucket(exchange, question) }
            // The value that stands in the way may be this one: an answer was lost, or the request came twice.
            return try await lookOnce(at: key)?.notes[.put] == id
        }
        return isSentOnce ? try await send() : try await client.line.retrying(send)
    }

    private func refuseMissingBucket(_ exchange: HTTPExchange, _ question: S3Client.Question) async throws {
        let body = try await TransientFailure.naming { try await exchange.beginning(limit: S3Client.largestRefusal) }
        if S3Refusal(parsing: body)?.code == "NoSuchKey" { return }
        throw client.refusal(exchange.head, body, question, in: place, try await client.credentials.current())
    }

    func sent(_ body: S3Body, _ range: Range<UInt64>) -> SentBody {
        (range.upperBound - range.lowerBound, { sender in try await body.send(range, UploadSink(sender)) })
    }

    /// 32 random digits.
    package static var newName: String {
        (0..<2).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }

    /// Removes a value, whatever it is now. A value that is not there is no error.
    package func delete(_ key: String) async throws {
        try await client.line.retrying { try await deleteOnce(key) }
    }

    /// The same, tried once.
    package func deleteOnce(_ key: String) async throws {
        _ = try await once(question(.delete, key, "to delete "), accepting: [200, 204, 404])
    }

    /// Removes a value with that ETag, tried once. Only for engines that were seen to heed it.
    func deleteOnce(_ key: String, ifUnchanged etag: String) async throws -> Bool {
        var asked = question(.delete, key, "to delete ")
        asked.headers = S3Condition.unchanged(etag).headers
        return try await once(asked, accepting: [200, 204, 404, 412]).head.status < 300
    }

    /// Removes a value with that ETag. Only for engines that were seen to heed it.
    package func delete(_ key: String, ifUnchanged etag: String) async throws -> Bool {
        var isUncertain = false
        return try await client.line.retrying {
            do {
                guard try await lookOnce(at: key)?.etag == etag else { return isUncertain }
                return try await deleteOnce(key, ifUnchanged: etag)
            } catch let failure as TransientFailure {
                isUncertain = true
                throw failure
            }
        }
    }
}
