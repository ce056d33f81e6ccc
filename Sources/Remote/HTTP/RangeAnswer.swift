internal import Model
internal import Network

/// The answer to a request for a run of a file.
enum RangeAnswer: Sendable {
    /// It begins at the first byte of the run.
    case partial(HTTPExchange)
    /// The server ignores ranges: it begins at the first byte of the file.
    case whole(HTTPExchange)
    /// The address is worth nothing any more, or never was.
    case expired(status: Int)

    static let advice = "the file changed, or a proxy changes answers; run it again"

    /// A 206 must say exactly which bytes it sends, and of how many. A server may send fewer than requested.
    static func check(_ head: HTTPHead, range: Range<UInt64>, of label: String, size: UInt64) throws(CakeError) {
        try refuseEncoding(head, of: label)
        guard let text = head["content-range"], let found = ContentRange(text) else {
            throw CakeError(.network, "\(label): the server does not say which bytes it sends", fix: advice)
        }
        guard found.total == nil || found.total == size else {
            throw otherSize(label, size, found.total ?? 0)
        }
        guard found.first == range.lowerBound, found.last >= found.first else {
            throw CakeError(
                .network,
                "\(label): requested bytes from \(range.lowerBound), the server sends \(found.first) to \(found.last)",
                fix: advice)
        }
    }

    /// A server that ignores ranges.
    static func check(_ head: HTTPHead, whole label: String, size: UInt64) throws(CakeError) {
        try refuseEncoding(head, of: label)
        if let length = head.contentLength, length != size { throw otherSize(label, size, length) }
    }

    private static func refuseEncoding(_ head: HTTPHead, of label: String) throws(CakeError) {
        guard let encoding = head["content-encoding"], encoding.lowercased() != "identity" else { return }
        throw CakeError(
            .network, "\(label): the server sends it as \(Printable.escape(encoding)), which was not requested",
            fix: advice)
    }

    private static func otherSize(_ label: String, _ size: UInt64, _ found: UInt64) -> CakeError {
        CakeError(.damaged, "\(label) has \(found) bytes now, and had \(size) when it was listed", fix: advice)
    }
}

/// `bytes 0-99/200`, as a server answers a range.
package struct ContentRange: Hashable {
    package let first: UInt64
    package let last: UInt64
    /// Nil when the server does not know.
    package let total: UInt64?

    package init?(_ text: String) {
        guard text.utf8.starts(with: "bytes ".utf8) else { return nil }
        let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = UInt64(ends[0]), let last = UInt64(ends[1]),
            first <= last, last < ByteCount.maximum
        else { return nil }
        if parts[1] == "*" {
            total = nil
        } else {
            guard let total = UInt64(parts[1]), total <= ByteCount.maximum else { return nil }
            self.total = total
        }
        self.first = first
        self.last = last
    }
}
