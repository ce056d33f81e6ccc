internal import Model

extension AnswerFuzzTarget {
    /// An answer of object storage, read as each of those that a client may have asked for.
    static func readStorage(_ input: Span<UInt8>) {
        let bytes = input.indices.map { input[$0] }
        _ = S3Refusal(parsing: bytes).map { ($0.requestTime ?? 0) - ($0.serverTime ?? 0) }
        for prefix in ["", "models/a registry/"] {
            guard var listing = try? S3Listing(parsing: bytes, prefix: prefix) else { continue }
            precondition(listing.entries.allSatisfy { $0.key.utf8.starts(with: prefix.utf8) }, "a key from elsewhere")
            _ = Int(listing.entries.prefix(100).reduce(0) { $0 + $1.size })
            let lengths = (listing.entries.map(\.key) + listing.folders).map(\.utf8.count)
            listing.shorten(by: prefix.utf8.count)
            let shorter = (listing.entries.map(\.key) + listing.folders).map { $0.utf8.count + prefix.utf8.count }
            precondition(lengths == shorter, "a key that is not shorter by its prefix")
        }
        _ = try? S3Multipart.upload(in: bytes)
        if let (uploads, next) = try? S3Multipart.unfinished(in: bytes, prefix: "models/") {
            precondition(
                (uploads.map(\.key) + [next?.key].compactMap(\.self)).allSatisfy {
                    $0.utf8.starts(with: "models/".utf8)
                },
                "an upload of a key from elsewhere")
        }
        guard let (parts, _) = try? S3Multipart.parts(in: bytes) else { return }
        _ = Int(parts.prefix(100).reduce(0) { $0 + $1.size })
        let sent = try? XMLElement(parsing: S3Multipart.completion(of: parts)).all("Part")
        precondition(
            sent?.map { $0.text("ETag") } == parts.sorted { $0.number < $1.number }.map { $0.etag },
            "a list of parts that reads otherwise when sent")
    }
}
