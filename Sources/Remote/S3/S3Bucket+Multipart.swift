internal import Model
internal import Network
internal import Platform

/// Large values, put in parts: each is sent again by itself when it fails.
extension S3Bucket {
    /// The least that a part may have is 5 MiB, and the most parts are 10,000.
    private static let usualPart: UInt64 = 16 << 20
    private static let mostParts: UInt64 = 9_000
    /// Parts that are sent side by side.
    private static let lanes = 4
    /// How often an upload that the storage lost begins again.
    private static let mostUploads = 3

    /// The storage does not know the upload any more.
    private struct Lost: Error {}

    /// It does not have all parts of it.
    private struct Incomplete: Error {}

    /// The same as one put, for any size. Only with a condition that the engine was seen to heed here.
    package func putLarge(
        _ body: S3Body, at key: String, if condition: S3Condition, notes: [Note: String] = [:]
    ) async throws -> Bool {
        var notes = notes
        let id = S3Bucket.newName
        notes[.put] = id
        let kept = notes
        for remaining in (0..<S3Bucket.mostUploads).reversed() {
            let upload = try await begin(key, kept)
            do {
                let isPut: Bool
                do {
                    let parts = try await send(body, to: upload, of: key, except: [])
                    isPut = try await complete(upload, of: key, parts, if: condition, id, body)
                } catch is Incomplete {
                    let there = try await parts(of: upload, key)
                    let parts = try await send(body, to: upload, of: key, except: there)
                    isPut = try await complete(upload, of: key, parts, if: condition, id, body)
                }
                if !isPut { await abort(upload, of: key) }
                return isPut
            } catch let error where remaining > 0 && (error is Lost || error is Incomplete) {
                continue
            } catch let error where error is Lost || error is Incomplete {
                throw CakeError(
                    .network, "\(place)/\(key): the storage lost the upload \(S3Bucket.mostUploads) times",
                    fix: "look whether the bucket removes incomplete uploads early, then run the same command again")
            } catch {
                await abort(upload, of: key)
                throw error
            }
        }
        return false
    }

    /// Begins an upload; its parts count for nothing until it is completed.
    func begin(_ key: String, _ notes: [Note: String]) async throws -> String {
        var asked = question(.post, key, "to write ")
        asked.query = [("uploads", "")]
        asked.headers = notes.map { ($0.key.header, $0.value) }
        return try S3Multipart.upload(in: try await document(asked))
    }

    /// All parts, of which the storage has some.
    private func send(
        _ body: S3Body, to upload: String, of key: String, except there: [S3Multipart.Part]
    ) async throws -> [S3Multipart.Part] {
        let step = max(S3Bucket.usualPart, (body.size / S3Bucket.mostParts + 1 + 0xf_ffff) & ~0xf_ffff)
        let count = Int((body.size + step - 1) / step)
        return try await withThrowingTaskGroup(of: S3Multipart.Part.self) { group in
            var parts: [S3Multipart.Part] = []
            var begun = 0
            for number in 1...max(count, 1) {
                let start = UInt64(number - 1) * step
                let range = start..<min(start + step, body.size)
                if let part = there.first(where: { $0.number == number && $0.size == range.upperBound - start }) {
                    parts.append(part)
                    continue
                }
                if begun >= S3Bucket.lanes, let part = try await group.next() { parts.append(part) }
                begun += 1
                group.addTask { try await put(part: number, of: key, in: upload, body, range) }
            }
            while let part = try await group.next() { parts.append(part) }
            return parts
        }
    }

    func put(
        part number: Int, of key: String, in upload: String, _ body: S3Body, _ range: Range<UInt64>
    ) async throws -> S3Multipart.Part {
        var asked = question(.put, key, "to write part \(number) of ")
        asked.query = [("partNumber", "\(number)"), ("uploadId", upload)]
        if client.endpoint.origin.scheme == .http { asked.digest = try await body.digest(of: range) }
        let question = asked
        return try await client.line.retrying {
            let exchange = try await once(question, accepting: [200, 404], sending: sent(body, range))
            guard exchange.head.status == 200 else { throw try await lost(exchange, question) }
            _ = try? await exchange.beginning(limit: S3Client.largestRefusal)
            guard let etag = exchange.head["etag"], !etag.isEmpty else {
                throw wrong(key, "part \(number) got no ETag")
            }
            return S3Multipart.Part(number: number, etag: etag, size: range.upperBound - range.lowerBound)
        }
    }

    /// The parts of an upload that the storage has.
    func parts(of upload: String, _ key: String) async throws -> [S3Multipart.Part] {
        var parts: [S3Multipart.Part] = []
        var marker = 0
        while true {
            var asked = question(.get, key, "to list the parts of ")
            asked.query = [("uploadId", upload), ("part-number-marker", "\(marker)"), ("max-parts", "1000")]
            let (page, next) = try S3Multipart.parts(in: try await document(asked))
            parts += page
            guard let next else { return parts }
            guard next > marker else { throw wrong(key, "the list of parts does not end") }
            marker = next
        }
    }

    /// Makes a value of the parts, then looks whether it has all bytes.
    func complete(
        _ upload: String, of key: String, _ parts: [S3Multipart.Part], if condition: S3Condition, _ id: String,
        _ body: S3Body
    ) async throws -> Bool {
        var asked = question(.post, key, "to complete ")
        asked.query = [("uploadId", upload)]
        asked.headers = condition.headers
        asked.body = S3Multipart.completion(of: parts)
        let question = asked
        let isPut = try await client.line.retrying {
            let exchange = try await once(question, accepting: [200, 400, 404, 412])
            let answer = try await TransientFailure.naming { try await exchange.body(limit: S3Client.largestRefusal) }
            let code = S3Refusal(parsing: answer)?.code
            // The answer begins with 200 while the storage works, and may end in a refusal.
            if exchange.head.status == 200, code == nil { return true }
            // An answer was lost, or the request came twice.
            if let there = try await lookOnce(at: key), there.notes[.put] == id { return true }
            if exchange.head.status == 412 || code == "PreconditionFailed" || code == "NoSuchKey" { return false }
            if code == "NoSuchUpload" { throw Lost() }
            if code == "InvalidPart" { throw Incomplete() }
            throw client.refusal(exchange.head, answer, question, in: place, nil)
        }
        if isPut, let there = try await look(at: key), there.notes[.put] == id, there.size != body.size {
            throw wrong(key, "it has \(there.size) bytes after an upload of \(body.size)")
        }
        return isPut
    }

    /// Drops an upload. One that stays is removed by the bucket's own rules.
    func abort(_ upload: String, of key: String) async {
        var asked = question(.delete, key, "to drop an upload of ")
        asked.query = [("uploadId", upload)]
        _ = try? await once(asked, accepting: [200, 204, 404])
    }

    private func lost(_ exchange: HTTPExchange, _ question: S3Client.Question) async throws -> any Error {
        let body = try await TransientFailure.naming { try await exchange.beginning(limit: S3Client.largestRefusal) }
        if S3Refusal(parsing: body)?.code == "NoSuchUpload" { return Lost() }
        return client.refusal(exchange.head, body, question, in: place, nil)
    }

    /// A small answer as a whole.
    func document(_ question: S3Client.Question) async throws -> [UInt8] {
        try await client.line.retrying {
            let exchange = try await once(question, accepting: [200])
            return try await TransientFailure.naming { try await exchange.body(limit: XMLElement.largestAnswer) }
        }
    }
}
