internal import Model
internal import Network

/// What an engine was seen to do with conditions. Engines differ, and some ignore a condition without a word.
package struct S3Abilities: Hashable, Sendable {
    /// A DELETE heeds If-Match.
    package let deletesUnchanged: Bool
    /// The completion of an upload heeds If-None-Match.
    package let completesAbsent: Bool
    /// The completion of an upload heeds If-Match.
    package let completesUnchanged: Bool
}

extension S3Bucket {
    private static let neverAnETag = "00000000000000000000000000000000"

    /// Tries all conditions on a value of its own, which it removes. An engine whose PUT ignores them is refused: two
    /// writers would lose each other's work there.
    package func abilities() async throws -> S3Abilities {
        let key = "probe/" + S3Bucket.newName
        func refuse(_ what: String) -> CakeError {
            CakeError(
                .failed,
                "\(client.endpoint.origin.authority) ignores \(what), and several writers would overwrite each other there",
                fix: "use an engine with conditional writes: Amazon S3, Ceph 16 or newer, MinIO of 2024 or newer")
        }
        func attempt(_ text: String, _ condition: S3Condition) async throws -> Bool {
            try await put(S3Body(Array(text.utf8)), at: key, if: condition)
        }
        do {
            guard try await attempt("1", .absent) else { throw refuse("what is absent") }
            guard try await !attempt("2", .absent) else { throw refuse("If-None-Match") }
            guard try await !attempt("3", .unchanged(S3Bucket.neverAnETag)) else { throw refuse("If-Match") }
            guard let first = try await look(at: key), try await attempt("4", .unchanged(first.etag)),
                let second = try await look(at: key), second.etag != first.etag
            else { throw refuse("the ETag of a value in If-Match") }
            let completesAbsent = try await completionHeeds(.absent, at: key)
            let completesUnchanged = try await completionHeeds(.unchanged(S3Bucket.neverAnETag), at: key)
            let found = S3Abilities(
                deletesUnchanged: try await deletionHeeds(key), completesAbsent: completesAbsent,
                completesUnchanged: completesUnchanged)
            try await delete(key)
            return found
        } catch {
            try? await delete(key)
            throw error
        }
    }

    /// Whether a condition that does not hold stops the completion of an upload.
    private func completionHeeds(_ condition: S3Condition, at key: String) async throws -> Bool {
        let (body, id) = (S3Body([5]), S3Bucket.newName)
        let upload = try await begin(key, [.put: id])
        let part = try await put(part: 1, of: key, in: upload, body, 0..<1)
        do {
            if try await complete(upload, of: key, [part], if: condition, id, body) { return false }
        } catch let error as CakeError where error.kind != .notAuthorised {
            // It refuses the condition itself.
            await abort(upload, of: key)
            return false
        }
        await abort(upload, of: key)
        guard let there = try await look(at: key) else { return false }
        return there.notes[.put] != id
    }

    private func deletionHeeds(_ key: String) async throws -> Bool {
        var asked = question(.delete, key, "to delete ")
        asked.headers = S3Condition.unchanged(S3Bucket.neverAnETag).headers
        let question = asked
        let status = try await client.line.retrying {
            try await once(question, accepting: [200, 204, 400, 404, 409, 412, 501]).head.status
        }
        guard try await look(at: key) != nil else { return false }
        // An engine that refuses all conditional deletes proves nothing.
        return status == 412
    }
}
