package import Model
internal import Network

extension S3Bucket {
    /// No listing has more: a server that never ends one is lying.
    private static let mostPages = 100_000

    /// Passes on the values whose keys begin with a prefix, page by page, in the order of their keys. With a delimiter
    /// longer keys are cut behind it, and listed as folders.
    package func list(
        _ prefix: String, delimiter: String? = nil, _ take: (S3Listing) async throws -> Void
    ) async throws {
        let whole = place.prefix.isEmpty ? prefix : "\(place.prefix)/\(prefix)"
        var query: [(name: String, value: String)] = [
            ("list-type", "2"), ("prefix", whole), ("encoding-type", "url"), ("max-keys", "1000"),
        ]
        if let delimiter { query.append(("delimiter", delimiter)) }
        var next: String?
        for _ in 0..<S3Bucket.mostPages {
            var asked = question(.get, nil, "to list ")
            asked.query = query + (next.map { [("continuation-token", $0)] } ?? [])
            var page: S3Listing
            do {
                page = try S3Listing(parsing: try await document(asked), prefix: whole)
            } catch let error as CakeError where error.kind == .damaged { throw error.at("\(place)") }
            let cut = whole.utf8.count - prefix.utf8.count
            page.shorten(by: cut)
            try await take(page)
            guard page.next != nil else { return }
            guard page.next != next else { break }
            next = page.next
        }
        throw CakeError(.damaged, "\(place): the listing does not end", fix: "ask the operator of the storage")
    }

    /// Checks that the bucket is there, and that the credentials may list it.
    public func check() async throws {
        var asked = question(.get, nil, "to list ")
        asked.query = [("list-type", "2"), ("prefix", place.prefix), ("max-keys", "1")]
        _ = try S3Listing(parsing: try await document(asked), prefix: place.prefix)
    }
}
