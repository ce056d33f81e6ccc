internal import Model
internal import Network

/// Uploads in parts that were begun and never completed, because the program was killed.
extension S3Bucket {
    private static let mostPages = 10_000

    /// Drops those that were begun so long ago, by the storage's clock, and returns their number.
    package func dropUnfinished(olderThan seconds: Int) async throws -> Int {
        guard try await saysWhenUploadsBegan() else { return 0 }
        var dropped = 0
        for old in try await unfinished(olderThan: seconds) {
            var asked = question(.delete, old.key, "to drop an upload of ")
            asked.query = [("uploadId", old.upload)]
            let question = asked
            // One that was completed meanwhile is not there.
            dropped += try await client.line.retrying {
                try await once(question, accepting: [200, 204, 404]).head.status == 404 ? 0 : 1
            }
        }
        return dropped
    }

    /// Whether an upload that was just begun is listed as one. An engine may list all with the same time of years ago.
    package func saysWhenUploadsBegan() async throws -> Bool {
        let key = "probe/\(S3Bucket.newName)"
        let upload = try await begin(key, [:])
        do {
            let old = try await unfinished(olderThan: S3Bucket.oldForNew)
            await abort(upload, of: key)
            return !old.contains { $0.upload == upload }
        } catch {
            await abort(upload, of: key)
            throw error
        }
    }

    /// Seconds.
    private static let oldForNew = 3600

    private func unfinished(olderThan seconds: Int) async throws -> [S3Multipart.Unfinished] {
        let prefix = place.key("")
        var found: [S3Multipart.Unfinished] = []
        var next: (key: String, upload: String)?
        for _ in 0..<S3Bucket.mostPages {
            var asked = question(.get, nil, "to list uploads in ")
            asked.query = [("uploads", ""), ("prefix", prefix), ("max-uploads", "1000")]
            if let next { asked.query += [("key-marker", next.key), ("upload-id-marker", next.upload)] }
            let question = asked
            let (now, answer) = try await client.line.retrying {
                let exchange = try await once(question, accepting: [200])
                let now = exchange.head["date"].flatMap(S3Time.ofHeader) ?? client.now()
                return (
                    now, try await TransientFailure.naming { try await exchange.body(limit: XMLElement.largestAnswer) }
                )
            }
            let page = try S3Multipart.unfinished(in: answer, prefix: prefix)
            for var one in page.uploads where now - one.time >= seconds {
                one.key = String(decoding: one.key.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
                found.append(one)
            }
            guard let following = page.next else { return found }
            if let next, following == next { break }
            next = following
        }
        throw CakeError(
            .damaged, "\(place): the list of uploads does not end", fix: "ask the operator of the storage")
    }
}
