/// An address of the web, checked byte by byte: http or https, a host, a port, a path and a query. A user's name in it
/// is refused, a fragment is dropped, and characters that a URL cannot contain (a space, an accent) are
/// percent-encoded.
public struct WebURL: Hashable, Sendable, CustomStringConvertible {
    static let maximumLength = 16 << 10

    public let origin: Origin
    /// From its slash on, percent-encoded as it is sent.
    public let path: String
    /// The text after the question mark. It may contain a signature: never shown.
    public let query: String?

    init(origin: Origin, path: String, query: String? = nil) {
        self.origin = origin
        self.path = path
        self.query = query
    }

    public init(_ text: String) throws(CakeError) {
        let bytes = try WebURL.tamed(text)
        guard let end = WebURL.endOfScheme(bytes) else { throw WebURL.refuse(text, "has no http:// or https://") }
        let name = String(decoding: bytes[..<end], as: UTF8.self).lowercased()
        guard let scheme = Origin.Scheme(rawValue: name) else {
            throw WebURL.refuse(text, "begins with \(name): and not with https: or http:")
        }
        guard bytes[(end + 1)...].starts(with: "//".utf8) else {
            throw WebURL.refuse(text, "has no // after \(name):")
        }
        let rest = bytes[(end + 3)...]
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        guard !authority.contains(UInt8(ascii: "@")) else { throw WebURL.refuse(text, "contains a user's name") }
        guard let origin = Origin(scheme, authority: authority) else {
            throw WebURL.refuse(text, "has no host that cake understands")
        }
        self.init(origin: origin, target: rest[authority.endIndex...])
    }

    /// `target` is path and query.
    private init(origin: Origin, target: ArraySlice<UInt8>) {
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        let query = target[path.endIndex...].dropFirst()
        self.init(
            origin: origin, path: path.isEmpty ? "/" : String(decoding: WebURL.withoutDots(path), as: UTF8.self),
            query: path.endIndex == target.endIndex ? nil : String(decoding: query, as: UTF8.self))
    }

    /// As it is sent.
    public var text: String { "\(origin)\(path)" + (query.map { "?" + $0 } ?? "") }

    /// For people and logs: without the query.
    public var description: String { "\(origin)\(path)" }

    /// Where a `Location` or a `Link` leads that was found in this URL's answer.
    public func resolving(_ location: String) throws(CakeError) -> WebURL {
        let bytes = try WebURL.tamed(location)
        guard let first = bytes.first else { throw WebURL.refuse(location, "is empty") }
        if WebURL.endOfScheme(bytes) != nil { return try WebURL(location) }
        if bytes.starts(with: "//".utf8) { return try WebURL("\(origin.scheme.rawValue):\(location)") }
        if first == UInt8(ascii: "/") { return WebURL(origin: origin, target: bytes[...]) }
        if first == UInt8(ascii: "?") { return WebURL(origin: origin, target: (Array(path.utf8) + bytes)[...]) }
        let folder = path.utf8[...(path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex)]
        return WebURL(origin: origin, target: (Array(folder) + bytes)[...])
    }

    /// The bytes up to a fragment, with characters that no URL can contain percent-encoded. A control character could
    /// end a header line, and a backslash is a slash to some readers: both are refused.
    private static func tamed(_ text: String) throws(CakeError) -> [UInt8] {
        guard text.utf8.count <= maximumLength else {
            throw refuse(String(text.prefix(60)) + "…", "is longer than \(maximumLength) bytes")
        }
        var bytes: [UInt8] = []
        var isInQuery = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "#"): return bytes
            case 0..<0x20, 0x7f: throw refuse(text, "contains a control character")
            case UInt8(ascii: "\\") where !isInQuery: throw refuse(text, "contains a backslash")
            case 0x20, 0x80...: PercentText.append(byte, to: &bytes)
            default: bytes.append(byte)
            }
            if byte == UInt8(ascii: "?") { isInQuery = true }
        }
        return bytes
    }

    /// Where the colon of `https:` is; nil when there is no scheme of any kind.
    private static func endOfScheme(_ bytes: [UInt8]) -> Int? {
        guard let first = bytes.first, (0x61...0x7a).contains(first | 0x20) else { return nil }
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: ":"): return index
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                continue
            default: return nil
            }
        }
        return nil
    }

    /// `/a/./b/../c` is `/a/c`; nothing leads above the root.
    private static func withoutDots(_ path: ArraySlice<UInt8>) -> [UInt8] {
        var parts: [ArraySlice<UInt8>] = []
        let all = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        for (index, part) in zip(all.indices, all) {
            let isLast = index == all.endIndex - 1
            if part.elementsEqual("..".utf8) {
                _ = parts.popLast()
                if isLast { parts.append([]) }
            } else if part.elementsEqual(".".utf8) {
                if isLast { parts.append([]) }
            } else {
                parts.append(part)
            }
        }
        return parts.reduce(into: []) { result, part in
            result.append(UInt8(ascii: "/"))
            result += part
        }
    }

    private static func refuse(_ text: String, _ why: String) -> CakeError {
        let shown = text.utf8.prefix { $0 != UInt8(ascii: "?") }
        return CakeError(
            .usage, "the address \"\(Printable.escape(String(Substring(shown).prefix(200))))\" \(why)",
            fix: "write it like https://huggingface.co")
    }
}
