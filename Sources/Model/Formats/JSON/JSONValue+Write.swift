extension JSONValue {
    public enum Layout: Sendable {
        /// Without white space, as serde_json does.
        case compact
        /// Two spaces to a level, as Python's `json.dumps(indent=2)` does.
        case indented
    }

    /// The text without a line feed at its end. Characters that control a terminal are written as escapes: it is safe
    /// to print and the same to every reader.
    ///
    /// `level` is the depth of the value in the surrounding text: later lines are indented by it.
    public func bytes(_ layout: Layout, level: Int = 0) -> [UInt8] {
        var result: [UInt8] = []
        write(to: &result, layout, level: level)
        return result
    }

    public func text(_ layout: Layout, level: Int = 0) -> String {
        String(decoding: bytes(layout, level: level), as: UTF8.self)
    }

    private func write(to bytes: inout [UInt8], _ layout: Layout, level: Int) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let flag): bytes += (flag ? "true" : "false").utf8
        case .number(let number): JSONText.append(number, to: &bytes)
        case .string(let text): JSONText.append(text, to: &bytes, escaping: .printable)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                JSONText.separate(index, to: &bytes, layout, level: level + 1)
                element.write(to: &bytes, layout, level: level + 1)
            }
            if !elements.isEmpty { JSONText.breakLine(&bytes, layout, level: level) }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                JSONText.separate(index, to: &bytes, layout, level: level + 1)
                JSONText.append(member.key, to: &bytes, escaping: .printable)
                bytes += (layout == .indented ? ": " : ":").utf8
                member.value.write(to: &bytes, layout, level: level + 1)
            }
            if !object.members.isEmpty { JSONText.breakLine(&bytes, layout, level: level) }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

/// The pieces that JSON writers put together.
enum JSONText {
    enum Escaping {
        /// Only the escapes that JSON requires, spelled as serde_json spells them.
        case needed
        /// Also the characters that `Printable` calls active.
        case printable
    }

    static func append(_ text: String, to bytes: inout [UInt8], escaping: Escaping) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            bytes += text.utf8
        } else {
            for scalar in text.unicodeScalars { append(scalar, to: &bytes, escaping: escaping) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// JSON has no infinity and no NaN: they become null.
    static func append(_ number: JSONScanner.Number, to bytes: inout [UInt8]) {
        switch number {
        case .unsigned(let value): bytes += String(value).utf8
        case .negative(let value): bytes += String(value).utf8
        case .double(let value): bytes += (value.isFinite ? value.description : "null").utf8
        }
    }

    static func separate(_ index: Int, to bytes: inout [UInt8], _ layout: JSONValue.Layout, level: Int) {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        breakLine(&bytes, layout, level: level)
    }

    static func breakLine(_ bytes: inout [UInt8], _ layout: JSONValue.Layout, level: Int) {
        guard layout == .indented else { return }
        bytes.append(lineFeed)
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
    }

    private static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8], escaping: Escaping) {
        switch scalar {
        case "\"": bytes += "\\\"".utf8
        case "\\": bytes += "\\\\".utf8
        case "\u{8}": bytes += "\\b".utf8
        case "\u{c}": bytes += "\\f".utf8
        case "\n": bytes += "\\n".utf8
        case "\r": bytes += "\\r".utf8
        case "\t": bytes += "\\t".utf8
        case _ where scalar.value < 0x20 || escaping == .printable && Printable.isActive(scalar):
            let digits = String(scalar.value, radix: 16)
            bytes += "\\u".utf8
            bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, 4 - digits.utf8.count)))
            bytes += digits.utf8
        default: bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
        }
    }
}
