/// Text that is equal only when its bytes are: names of tensors and paths, where Swift's own String would take two
/// spellings of é for one.
public struct ExactText: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let string: String

    public init(_ string: String) { self.string = string }

    public init(stringLiteral value: String) { string = value }

    public var description: String { string }

    /// Texts with the same bytes are equal Strings as well, and String is fast to say no. Only a yes about text beyond
    /// ASCII is checked again.
    public static func == (left: ExactText, right: ExactText) -> Bool {
        guard left.string.utf8.count == right.string.utf8.count, left.string == right.string else { return false }
        return left.string.utf8Span.isKnownASCII && right.string.utf8Span.isKnownASCII
            || left.string.utf8.elementsEqual(right.string.utf8)
    }

    public static func < (left: ExactText, right: ExactText) -> Bool {
        left.string.precedesInBytes(right.string)
    }

    public func hash(into hasher: inout Hasher) {
        let bytes = string.utf8Span.span
        var word: UInt64 = 0
        for index in bytes.indices {
            word = word << 8 | UInt64(bytes[index])
            if index & 7 == 7 { hasher.combine(word) }
        }
        hasher.combine(word)
        hasher.combine(bytes.count)
    }

    /// The text with characters that control a terminal (control characters, direction marks) shown as escapes.
    public var printable: String { Printable.escape(string) }
}

extension String {
    /// Whether its bytes come first. A thousand names are sorted with this for one request: iterators took ten times as long.
    package func precedesInBytes(_ other: String) -> Bool {
        let (left, right) = (utf8Span.span, other.utf8Span.span)
        for index in 0..<min(left.count, right.count) where left[index] != right[index] {
            return left[index] < right[index]
        }
        return left.count < right.count
    }
}

/// Makes a stranger's text safe to print.
public enum Printable {
    public static func escape(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isActive) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isActive(scalar) {
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    public static func isPlain(_ scalar: Unicode.Scalar) -> Bool { !isActive(scalar) }

    /// Control characters, line and paragraph separators, and marks that change the direction of text.
    static func isActive(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff: true
        default: false
        }
    }
}
