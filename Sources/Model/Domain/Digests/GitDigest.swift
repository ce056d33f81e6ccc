/// A SHA-1 by which git names content. It detects accidents; only `Digest` names bytes.
public struct GitDigest: Hashable, Sendable, CustomStringConvertible {
    public static let byteCount = 20

    private let words: (UInt64, UInt64, UInt32)

    /// Exactly 20 bytes.
    public init?(bytes: Span<UInt8>) {
        guard bytes.count == GitDigest.byteCount else { return nil }
        func word(_ range: Range<Int>) -> UInt64 { range.reduce(0) { $0 << 8 | UInt64(bytes[$1]) } }
        words = (word(0..<8), word(8..<16), UInt32(truncatingIfNeeded: word(16..<20)))
    }

    /// Exactly 40 lower-case hex digits.
    public init?(hex text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 2 * GitDigest.byteCount else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            let pair = digits[index...(index + 1)]
            guard !pair.contains(where: { (0x41...0x46).contains($0) }),
                let high = PercentText.hexValue(digits[index]), let low = PercentText.hexValue(digits[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        self.init(bytes: bytes.span)
    }

    public var hex: String {
        func digits(_ word: UInt64, _ count: Int) -> String {
            let text = String(word, radix: 16)
            return String(repeating: "0", count: count - text.utf8.count) + text
        }
        return digits(words.0, 16) + digits(words.1, 16) + digits(UInt64(words.2), 8)
    }

    public var description: String { hex }

    /// The bytes that git hashes before the bytes of a file.
    public static func prefix(size: UInt64) -> [UInt8] { Array("blob \(size)\0".utf8) }

    public static func == (left: GitDigest, right: GitDigest) -> Bool { left.words == right.words }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
    }
}
