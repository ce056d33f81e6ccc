/// The members of a form, as a body or a query has them.
public enum FormText {
    /// Nil for other text.
    public static func decode(_ bytes: [UInt8]) -> [(name: String, value: String)]? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var members: [(name: String, value: String)] = []
        for member in text.replacing("+", with: " ").utf8.split(separator: UInt8(ascii: "&")) {
            let name = member.prefix { $0 != UInt8(ascii: "=") }
            let value = member[name.endIndex...].dropFirst()
            guard let name = PercentText.decode(Substring(name)), let value = PercentText.decode(Substring(value))
            else { return nil }
            members.append((name, value))
        }
        return members
    }

    public static func encode(_ text: String) -> String { PercentText.encode(text) }

    public static func encode(_ members: [(String, String)]) -> String {
        members.map { "\(PercentText.encode($0.0))=\(PercentText.encode($0.1))" }.joined(separator: "&")
    }
}
