extension JSONScanner {
    /// A string between its quotes: checked, and copied only on request.
    public struct Text: Sendable {
        public let range: Range<Int>
        /// Nothing is written as an escape: the bytes are the text.
        public let isPlain: Bool
    }

    public mutating func text(in bytes: Span<UInt8>) throws(CakeError) -> Text {
        skipSpace(in: bytes)
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
            throw refuse("a string is missing", in: bytes)
        }
        let start = position + 1
        var index = start
        var isPlain = true
        // Of all bytes in one: its highest bit says whether there is more than ASCII.
        var union: UInt8 = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte > UInt8(ascii: "\\") || byte > UInt8(ascii: "\"") && byte < UInt8(ascii: "\\") {
                union |= byte
                index += 1
                continue
            }
            if byte == UInt8(ascii: "\"") {
                if union >= 0x80 { try checkUTF8(start..<index, in: bytes) }
                move(to: index + 1)
                return Text(range: start..<index, isPlain: isPlain)
            }
            if byte == UInt8(ascii: "\\") {
                isPlain = false
                guard let escape = JSONEscape(at: index, in: bytes) else {
                    move(to: index)
                    throw refuse("an unknown escape", in: bytes)
                }
                index += escape.length
                continue
            }
            if byte < 0x20 {
                move(to: index)
                throw refuse("a control character inside a string", in: bytes)
            }
            index += 1
        }
        move(to: bytes.count)
        throw refuse("a string is not closed", in: bytes)
    }

    public mutating func string(in bytes: Span<UInt8>) throws(CakeError) -> String {
        try JSONScanner.string(of: try text(in: bytes), in: bytes)
    }

    /// The text with its escapes undone.
    public static func string(of text: Text, in bytes: Span<UInt8>) throws(CakeError) -> String {
        guard !text.isPlain else {
            guard let string = String(copying: bytes.extracting(text.range)) else {
                throw CakeError(.damaged, "JSON byte \(text.range.lowerBound): a string that is not UTF-8")
            }
            return string
        }
        var plain: [UInt8] = []
        plain.reserveCapacity(text.range.count)
        var index = text.range.lowerBound
        while index < text.range.upperBound {
            if bytes[index] == UInt8(ascii: "\\"), let escape = JSONEscape(at: index, in: bytes) {
                plain.append(contentsOf: String(Character(escape.scalar)).utf8)
                index += escape.length
            } else {
                plain.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }

    /// Whether the text, its escapes undone, is `word`.
    public static func text(_ text: Text, is word: String, in bytes: Span<UInt8>) throws(CakeError) -> Bool {
        guard text.isPlain else { return ExactText(try string(of: text, in: bytes)) == ExactText(word) }
        let wanted = word.utf8Span.span
        guard text.range.count == wanted.count else { return false }
        for index in wanted.indices where bytes[text.range.lowerBound + index] != wanted[index] { return false }
        return true
    }

    private mutating func checkUTF8(_ range: Range<Int>, in bytes: Span<UInt8>) throws(CakeError) {
        do {
            _ = try UTF8Span(validating: bytes.extracting(range))
        } catch {
            move(to: range.lowerBound + error.byteOffsets.lowerBound)
            throw refuse("a string that is not UTF-8", in: bytes)
        }
    }
}

/// The escape after one backslash. A pair of surrogates is one escape; half a pair is invalid.
struct JSONEscape {
    let scalar: Unicode.Scalar
    let length: Int

    init?(at start: Int, in bytes: Span<UInt8>) {
        guard start + 1 < bytes.count else { return nil }
        switch bytes[start + 1] {
        case UInt8(ascii: "\""): scalar = "\""
        case UInt8(ascii: "\\"): scalar = "\\"
        case UInt8(ascii: "/"): scalar = "/"
        case UInt8(ascii: "b"): scalar = "\u{8}"
        case UInt8(ascii: "f"): scalar = "\u{c}"
        case UInt8(ascii: "n"): scalar = "\n"
        case UInt8(ascii: "r"): scalar = "\r"
        case UInt8(ascii: "t"): scalar = "\t"
        case UInt8(ascii: "u"):
            guard let first = JSONEscape.unit(at: start, in: bytes) else { return nil }
            if let single = Unicode.Scalar(first) {
                scalar = single
                length = 6
                return
            }
            guard first < 0xdc00, let second = JSONEscape.unit(at: start + 6, in: bytes), second >= 0xdc00,
                second < 0xe000, let pair = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
            else { return nil }
            scalar = pair
            length = 12
            return
        default: return nil
        }
        length = 2
    }

    /// The value of `\uXXXX`, surrogates included.
    private static func unit(at start: Int, in bytes: Span<UInt8>) -> UInt32? {
        guard start + 6 <= bytes.count, bytes[start] == UInt8(ascii: "\\"), bytes[start + 1] == UInt8(ascii: "u") else {
            return nil
        }
        var value: UInt32 = 0
        for index in start + 2..<start + 6 {
            let digit: UInt8
            switch bytes[index] {
            case 0x30...0x39: digit = bytes[index] - 0x30
            case 0x41...0x46: digit = bytes[index] - 0x37
            case 0x61...0x66: digit = bytes[index] - 0x57
            default: return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}
