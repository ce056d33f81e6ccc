/// Text with the bytes that a line or a file name cannot hold written as %XX.
public enum Escaped {
    /// For the last word of a line: only control characters and % are written so.
    static func append(_ text: String, to bytes: inout [UInt8]) {
        for byte in text.utf8 {
            if byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "%") {
                append(byte, to: &bytes)
            } else {
                bytes.append(byte)
            }
        }
    }

    /// For a file name: all but letters, digits and `._-` are written so, and a point in front.
    public static func fileName(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"), UInt8(ascii: "-"): bytes.append(byte)
            case UInt8(ascii: ".") where !bytes.isEmpty: bytes.append(byte)
            default: append(byte, to: &bytes)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text of a file name, or nil when `fileName` would not have written it so.
    public static func text(ofFileName name: String) -> String? {
        let bytes = Array(name.utf8)
        var words = Words(position: 0, end: bytes.count)
        guard let text = words.escaped(in: bytes.span), fileName(text) == name else { return nil }
        return text
    }

    private static func append(_ byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "%"))
        for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? 0x30 + digit : 0x37 + digit) }
    }
}
