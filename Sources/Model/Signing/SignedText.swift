extension JSONScanner {
    /// Where the values of these keys begin in the next object, which is passed over. Null counts as not there. A key that
    /// is there twice is refused: readers disagree on which one counts.
    mutating func members(_ keys: [String], in bytes: Span<UInt8>) throws(CakeError) -> [String: JSONScanner] {
        var found: [String: JSONScanner] = [:]
        var seen: Set<String> = []
        try beginObject(in: bytes)
        while let key = try nextKey(in: bytes) {
            for name in keys where try JSONScanner.text(key, is: name, in: bytes) {
                guard seen.insert(name).inserted else {
                    throw CakeError(.damaged, "the JSON has the key \"\(name)\" twice in one object")
                }
                if try kind(in: bytes) != .null { found[name] = self }
            }
            try skipValue(in: bytes)
        }
        return found
    }
}

/// A text that a signature must have.
struct SignedText {
    let key: String
    let text: String

    init(_ key: String, in members: [String: JSONScanner], _ bytes: Span<UInt8>) throws(CakeError) {
        guard var place = members[key] else { throw SignedText.missing(key) }
        guard try place.kind(in: bytes) == .string else { throw CakeError(.damaged, "its \(key) is not a text") }
        self.key = key
        text = try place.string(in: bytes)
    }

    static func missing(_ key: String) -> CakeError { CakeError(.damaged, "it has no \(key)") }

    var shown: String { "\"\(Printable.escape(String(text.prefix(100))))\"" }

    func expect(_ wanted: String) throws(CakeError) {
        guard ExactText(text) == ExactText(wanted) else {
            throw CakeError(
                .failed, "its \(key) is \(shown), and cake knows \"\(wanted)\"", fix: SignatureBundle.advice)
        }
    }

    func decoded() throws(CakeError) -> [UInt8] {
        guard let bytes = Base64.decode(text) else { throw CakeError(.damaged, "its \(key) is not in base 64") }
        return bytes
    }

    func digest() throws(CakeError) -> Digest {
        guard let digest = Digest(hex: text) else {
            throw CakeError(.damaged, "its \(key) \(shown) is not a SHA-256 in lower-case hex")
        }
        return digest
    }
}
