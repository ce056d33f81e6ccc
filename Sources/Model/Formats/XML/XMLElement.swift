/// An element of XML with its text and its children, as answers of object storage have them. Attributes are dropped.
public struct XMLElement: Hashable, Sendable {
    /// Without a namespace's prefix.
    public let name: String
    /// The element's own text, without that of its children.
    public internal(set) var text = ""
    public internal(set) var children: [XMLElement] = []

    init(name: String) { self.name = name }

    /// The first child of that name.
    public subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    public func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// The text of the first child of that name; nil if there is none, or it is empty.
    public func text(_ name: String) -> String? {
        guard let text = self[name]?.text, !text.isEmpty else { return nil }
        return text
    }

    /// The largest answer that is read: a page of a listing with 1,000 long keys.
    public static let largestAnswer = 8 << 20

    /// The only element of a document. A document that declares types or entities is refused, and one that is nested
    /// more deeply than an answer can be.
    public init(parsing bytes: [UInt8]) throws(CakeError) {
        var scanner = XMLScanner(bytes)
        self = try scanner.document()
    }
}
