public import Model
internal import Network
internal import Platform

/// The values below a prefix of a bucket.
public struct S3Bucket: Sendable, CustomStringConvertible {
    public let client: S3Client
    public let place: S3Place

    public init(_ place: S3Place, _ client: S3Client) { (self.place, self.client) = (place, client) }

    public var description: String { "\(place)" }

    /// A value without its bytes.
    package struct Entry: Hashable, Sendable {
        package internal(set) var size: UInt64
        /// When it was put there, and when this was asked, both by the storage's clock: seconds since 1970.
        package let time: Int
        package let now: Int
        /// Without quotes. Never an identity of bytes: only equal or not.
        package let etag: String
        /// What was kept with it.
        package let notes: [Note: String]
    }

    /// What a writer keeps with a value.
    package enum Note: String, CaseIterable, Sendable {
        /// The SHA-256 of its bytes, if the writer knew it.
        case sha256
        /// Differs for each put: after a lost answer it tells whose value is there.
        case put
        /// Bytes that stand for something else; the writer knows for what.
        case instead

        var header: String { "x-amz-meta-cake-\(rawValue)" }
    }

    func question(_ method: HTTPRequest.Method, _ key: String?, _ doing: String = "") -> S3Client.Question {
        S3Client.Question(method, key, doing + (key.map { "\(place)/\($0)" } ?? "\(place)"))
    }

    func once(
        _ question: S3Client.Question, accepting statuses: Set<Int>, sending body: SentBody? = nil
    ) async throws -> HTTPExchange {
        try await client.once(question, in: place, accepting: statuses, sending: body)
    }

    func wrong(_ key: String, _ why: String) -> CakeError {
        CakeError(
            .damaged, "\(place)/\(key): \(why)", fix: "the storage, or a proxy, changes the data; ask its operator")
    }

    private func entry(_ head: HTTPHead, _ key: String, size: UInt64?) throws(CakeError) -> Entry {
        guard let size, size <= ByteCount.maximum,
            let etag = head["etag"].map({ $0.replacing("\"", with: "") }), !etag.isEmpty,
            etag.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
            let time = head["last-modified"].flatMap(S3Time.ofHeader)
        else { throw wrong(key, "the answer has no length, ETag or time") }
        let notes = Note.allCases.compactMap { note in head[note.header].map { (note, String($0.prefix(200))) } }
        let now = head["date"].flatMap(S3Time.ofHeader) ?? client.now()
        return Entry(size: size, time: time, now: now, etag: etag, notes: Dictionary(uniqueKeysWithValues: notes))
    }

    /// Nil if there is no such value.
    package func look(at key: String) async throws -> Entry? {
        try await client.line.retrying { try await lookOnce(at: key) }
    }

    func lookOnce(at key: String) async throws -> Entry? {
        let exchange = try await once(question(.head, key), accepting: [200, 404])
        guard exchange.head.status == 200 else { return nil }
        return try entry(exchange.head, key, size: exchange.head.contentLength)
    }

    /// So much comes with the first request: of most values but packs all of it.
    static let beginning: UInt64 = 64 << 10

    /// A value and its first bytes, or all of a small one; nil if there is no such value.
    package func open(_ key: String) async throws -> (entry: Entry, beginning: [UInt8])? {
        try await client.line.retrying {
            var asked = question(.get, key)
            asked.range = 0..<S3Bucket.beginning
            let exchange = try await once(asked, accepting: [200, 206, 404, 416])
            let head = exchange.head
            switch head.status {
            case 416:
                // An empty value has no ranges.
                guard let entry = try await lookOnce(at: key) else { return nil }
                guard entry.size == 0 else {
                    throw TransientFailure(CakeError(.network, "\(place)/\(key) changed while it was opened"))
                }
                return (entry, [])
            case 404:
                let body = try await TransientFailure.naming {
                    try await exchange.beginning(limit: S3Client.largestRefusal)
                }
                if S3Refusal(parsing: body)?.code == "NoSuchKey" { return nil }
                throw client.refusal(head, body, asked, in: place, try await client.credentials.current())
            default: break
            }
            var size = head.contentLength
            if head.status == 206 {
                guard let found = head["content-range"].flatMap({ ContentRange($0) }), found.first == 0 else {
                    throw wrong(key, "the server does not say which bytes it sends")
                }
                size = found.total
            }
            let entry = try entry(head, key, size: size)
            let wanted = Int(min(entry.size, S3Bucket.beginning))
            let bytes = try await TransientFailure.naming { try await exchange.beginning(limit: wanted) }
            guard bytes.count == wanted else {
                throw TransientFailure(CakeError(.network, "\(place)/\(key): the server ended the answer early"))
            }
            if entry.size == UInt64(bytes.count) { try check(bytes, of: key, entry) }
            return (entry, bytes)
        }
    }

    /// A value that was put with its digest is compared with it when all of it is here.
    private func check(_ bytes: [UInt8], of key: String, _ entry: Entry) throws {
        guard let digest = entry.notes[.sha256].flatMap({ Digest(hex: $0) }) else { return }
        guard SHA256.digest(of: bytes.span) == digest else {
            throw TransientFailure(wrong(key, "its bytes are not those that were put there"), words: "wrong bytes")
        }
    }

    /// The rest of a value, any run of it, as long as it is the one that was opened.
    package func value(_ key: String, _ entry: Entry) -> S3Value { S3Value(key: key, entry: entry, bucket: self) }

    /// Waits for what another writer does.
    package func rest(_ time: Duration) async throws { try await client.line.sleep(time) }

    /// An address under which anyone may read a value for so many seconds, five minutes at most. It is as secret as
    /// credentials, and belongs into no log. Nil without credentials.
    package func link(to key: String, seconds: Int) async throws -> String? {
        guard let credentials = try await client.credentials.current() else { return nil }
        let url = try client.endpoint.url(place.bucket, key: place.key(key))
        let signature = S3Signature(credentials: credentials, region: client.endpoint.region, time: client.now())
        return signature.link("GET", url, seconds: min(max(seconds, 1), S3Signature.longestLink)).text
    }
}

/// A run of a value, from the version that was opened.
package struct S3Value: RangeSource {
    let key: String
    let entry: S3Bucket.Entry
    let bucket: S3Bucket

    package var label: String { "\(bucket.place)/\(key)" }
    package var comesWhole: Bool { false }
    package var line: Line { bucket.client.line }

    package func open(_ range: Range<UInt64>) async throws -> OpenedRun {
        var asked = bucket.question(.get, key)
        asked.range = range
        asked.headers = [("If-Match", entry.etag)]
        let exchange = try await bucket.once(asked, accepting: [200, 206, 404, 412])
        let head = exchange.head
        guard head.status < 300, head["etag"]?.replacing("\"", with: "") == entry.etag else {
            throw CakeError(
                .notFound, "\(label) was replaced or removed while it was read", fix: "run the same command again")
        }
        if head.status == 206 {
            try RangeAnswer.check(head, range: range, of: label, size: entry.size)
            return OpenedRun(exchange)
        }
        try RangeAnswer.check(head, whole: label, size: entry.size)
        return try await OpenedRun(exchange, of: label, droppingFirst: range.lowerBound)
    }
}
