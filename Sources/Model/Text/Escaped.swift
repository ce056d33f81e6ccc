/// Text in which bytes that a line or a file name cannot contain are written as %XX. There is one spelling of every
/// text: bytes that need no escape must not have one.
enum Escaped {
    /// The bytes that the last word of a line cannot contain.
    static func isEscapedInLine(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "%") }

    /// The bytes that a file name does not contain: all but letters, digits and `._-`.
    static func isEscapedInFileName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: false
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): false
        default: true
        }
    }

    static func append(_ text: String, to bytes: inout [UInt8], escaping isEscaped: (UInt8) -> Bool = isEscapedInLine) {
        let plain = text.utf8Span.span
        for index in plain.indices {
            let byte = plain[index]
            if isEscaped(byte) {
                bytes.append(UInt8(ascii: "%"))
                for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? 0x30 + digit : 0x37 + digit) }
            } else {
                bytes.append(byte)
            }
        }
    }

    /// The text that was escaped, or nil when it is spelled in another way than `append` would.
    static func text(_ bytes: Span<UInt8>, escaping isEscaped: (UInt8) -> Bool = isEscapedInLine) -> String? {
        guard bytes.indices.contains(where: { isEscaped(bytes[$0]) }) else { return String(copying: bytes) }
        var plain: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard isEscaped(bytes[index]) else {
                plain.append(bytes[index])
                index += 1
                continue
            }
            guard bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = hexValue(bytes[index + 1]),
                let low = hexValue(bytes[index + 2]), isEscaped(high << 4 | low)
            else { return nil }
            plain.append(high << 4 | low)
            index += 3
        }
        return String(validating: plain, as: UTF8.self)
    }

    private static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        default: nil
        }
    }
}

extension ModelName {
    /// The file that keeps the name in a store.
    public var fileName: String {
        var bytes: [UInt8] = []
        Escaped.append(string, to: &bytes, escaping: Escaped.isEscapedInFileName)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Nil for a file that does not have the file name of any name.
    public init?(fileName: String) {
        let bytes = Array(fileName.utf8)
        guard let text = Escaped.text(bytes.span, escaping: Escaped.isEscapedInFileName),
            let name = try? ModelName(text)
        else { return nil }
        self = name
    }
}
