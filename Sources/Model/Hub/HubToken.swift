/// The secret that identifies a caller to a Hub. It is never shown: printing or dumping one says only that there is
/// one.
public struct HubToken: Sendable, CustomStringConvertible, CustomReflectable {
    private let text: String

    /// White space around it is taken off, as it comes out of files and clipboards.
    public init(_ text: String) throws(CakeError) {
        let bytes = Array(text.utf8)
        let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0d).contains(byte) }
        let trimmed = Array(bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
        // Anything else could end a header line and begin another.
        guard !trimmed.isEmpty, trimmed.count <= 4096, trimmed.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw CakeError(
                .usage, trimmed.isEmpty ? "the token is empty" : "the token has wrong characters, or is too long",
                fix: "copy it again from https://huggingface.co/settings/tokens")
        }
        self.text = String(decoding: trimmed, as: UTF8.self)
    }

    /// For the origin the token is meant for, and no other.
    public var header: (name: String, value: String) { ("Authorization", "Bearer \(text)") }

    /// The same, for a server that is a registry as well: it takes tokens as passwords.
    public var login: RegistryLogin { RegistryLogin(.password(user: "cake", text)) }

    /// The content of a token file.
    public var bytes: [UInt8] { Array(text.utf8) }

    public var description: String { "a token" }

    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
