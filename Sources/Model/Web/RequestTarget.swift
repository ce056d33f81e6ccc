/// The target in the first line of a request: the parts of a path, percent-decoded after the split at slashes, and the
/// members of a query in their order.
public struct RequestTarget: Hashable, Sendable {
    public static let maximumLength = 8 << 10

    public let parts: [String]
    public let query: [(name: String, value: String)]

    /// Clients of the Hub write slashes within a part as `%2F`, and a space in a query as a plus.
    public init?(_ raw: String, ofHub: Bool = false) {
        guard raw.utf8.first == UInt8(ascii: "/"), raw.utf8.count <= RequestTarget.maximumLength else { return nil }
        let path = raw.utf8.prefix { $0 != UInt8(ascii: "?") }
        var parts: [String] = []
        for part in path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let plain = PercentText.decode(Substring(part)),
                !plain.utf8.contains(where: { $0 < 0x20 || $0 == 0x2f && !ofHub })
            else { return nil }
            parts.append(plain)
        }
        var query: [(name: String, value: String)] = []
        for member in raw.utf8[path.endIndex...].dropFirst().split(separator: UInt8(ascii: "&")) {
            let name = member.prefix { $0 != UInt8(ascii: "=") }
            let value = member[name.endIndex...].dropFirst()
            // To a registry a plus is a plus: digests and tags have none, and a space is never meant.
            func plain(_ text: Substring.UTF8View) -> String? {
                PercentText.decode(ofHub ? Substring(text).replacing("+", with: " ") : Substring(text))
            }
            guard let name = plain(name), let value = plain(value) else { return nil }
            query.append((name, value))
        }
        self.parts = parts
        self.query = query
    }

    /// The first member of that name.
    public subscript(name: String) -> String? { query.first { $0.name == name }?.value }

    public func all(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }

    /// Older clients of the Hub write `True`.
    public func isTrue(_ name: String) -> Bool { ["true", "1"].contains((self[name] ?? "").lowercased()) }

    public static func == (left: RequestTarget, right: RequestTarget) -> Bool {
        left.parts == right.parts && left.query.elementsEqual(right.query) { $0 == $1 }
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(parts) }
}

extension NextPage {
    /// The same for a client of the Hub, which needs the full address.
    public static func link(to origin: String, parts: [String], _ query: [(name: String, value: String)]) -> String {
        link(to: origin + parts.map { "/" + PercentText.encode($0) }.joined(), query)
    }

    /// The header that says where a listing continues.
    public static func link(to path: String, _ query: [(name: String, value: String)]) -> String {
        let members = query.map { "\(PercentText.encode($0.name))=\(PercentText.encode($0.value))" }
        return "<\(path)?\(members.joined(separator: "&"))>; rel=\"next\""
    }
}
