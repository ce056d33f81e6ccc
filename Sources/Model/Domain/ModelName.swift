/// The name that a person gives to a model in the store: `mistral-7b`, `org/name`, `org/name@revision`,
/// `host:5000/team/m:v1`.
public struct ModelName: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let text: ExactText

    public var string: String { text.string }
    public var description: String { text.printable }

    public init(_ string: String) throws(CakeError) {
        func refuse(_ why: String) -> CakeError {
            CakeError(
                .usage, "\"\(Printable.escape(string))\" cannot be a model's name: \(why)",
                fix: "choose one such as mistral-7b, team/model or team/model@v2")
        }
        guard !string.isEmpty else { throw refuse("it is empty") }
        guard string.utf8.count <= 200 else { throw refuse("it is longer than 200 bytes") }
        guard string.unicodeScalars.allSatisfy({ Printable.isPlain($0) && !$0.properties.isWhitespace }) else {
            throw refuse("it contains a space or a control character")
        }
        guard let first = string.utf8.first,
            ![UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "~")].contains(first)
        else { throw refuse("it begins with \"\(string.prefix(1))\"") }
        guard string.utf8.last != UInt8(ascii: "/") else { throw refuse("it ends with \"/\"") }
        text = ExactText(string)
        guard fileName.utf8.count <= 240 else { throw refuse("it is too long for a file's name") }
    }

    public static func < (left: ModelName, right: ModelName) -> Bool { left.text < right.text }

    /// The name without `@revision`.
    public var withoutRevision: String {
        guard let at = string.utf8.lastIndex(of: UInt8(ascii: "@")) else { return string }
        return String(string[..<at])
    }

    /// The text after `@`.
    public var revision: String? {
        guard let at = string.utf8.lastIndex(of: UInt8(ascii: "@")) else { return nil }
        return String(string[string.utf8.index(after: at)...])
    }

    /// Whether it could be the beginning of a manifest's digest, as commands take it: seven hexadecimal digits or more.
    public var looksLikeID: Bool {
        let digits = string.hasPrefix("sha256:") ? string.utf8.dropFirst(7) : string.utf8[...]
        return (7...64).contains(digits.count) && digits.allSatisfy { "0123456789abcdef".utf8.contains($0) }
    }

    /// Whether it begins with a registry's address, as `host:5000/team/m:v1` does.
    public var isOfRegistry: Bool {
        guard let slash = string.utf8.firstIndex(of: UInt8(ascii: "/")) else { return false }
        return Reference.isRegistryHost(string[..<slash])
    }
}
