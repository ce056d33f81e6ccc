/// Reads JSON from left to right, value by value, without a tree: a header of 90,000 tensors passes once. The rules are
/// serde_json's: UTF-8 without a byte order mark, no comma before a closing bracket, no lone surrogates, no number beyond
/// a Double, at most 127 arrays and objects inside each other.
///
/// The scanner holds a position only; each call is lent the bytes. Containers are read with `beginObject` and `nextKey`,
/// `beginArray` and `nextElement`, and each member's value must be read or skipped before the next is asked for.
public struct JSONScanner: Sendable {
    public static let maximumDepth = 127

    public enum Kind: Sendable { case object, array, string, number, bool, null }

    public private(set) var position = 0
    private var depth = 0
    /// The container at hand was just opened, so its next member has no comma before it.
    private var isFresh = false

    public init() {}

    /// The kind of the next value. Only white space is consumed.
    public mutating func kind(in bytes: Span<UInt8>) throws(CakeError) -> Kind {
        skipSpace(in: bytes)
        guard position < bytes.count else { throw refuse("a value is missing", in: bytes) }
        switch bytes[position] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), 0x30...0x39: return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: throw refuse("a value is missing", in: bytes)
        }
    }

    public mutating func beginObject(in bytes: Span<UInt8>) throws(CakeError) {
        try begin(UInt8(ascii: "{"), "an object", in: bytes)
    }

    public mutating func beginArray(in bytes: Span<UInt8>) throws(CakeError) {
        try begin(UInt8(ascii: "["), "an array", in: bytes)
    }

    /// The next key of the object at hand, its colon consumed; or nil, and the object is closed.
    public mutating func nextKey(in bytes: Span<UInt8>) throws(CakeError) -> Text? {
        guard try !ends(with: UInt8(ascii: "}"), in: bytes) else { return nil }
        let key = try text(in: bytes)
        skipSpace(in: bytes)
        guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
            throw refuse("a colon is missing", in: bytes)
        }
        position += 1
        return key
    }

    /// Whether the array at hand has another element, which is then next; if not, the array is closed.
    public mutating func nextElement(in bytes: Span<UInt8>) throws(CakeError) -> Bool {
        try !ends(with: UInt8(ascii: "]"), in: bytes)
    }

    public mutating func bool(in bytes: Span<UInt8>) throws(CakeError) -> Bool {
        skipSpace(in: bytes)
        if skip("true", in: bytes) { return true }
        if skip("false", in: bytes) { return false }
        throw refuse("true or false is missing", in: bytes)
    }

    public mutating func null(in bytes: Span<UInt8>) throws(CakeError) {
        skipSpace(in: bytes)
        guard skip("null", in: bytes) else { throw refuse("null is missing", in: bytes) }
    }

    /// Passes over one value, which is checked as strictly as one that is kept.
    public mutating func skipValue(in bytes: Span<UInt8>) throws(CakeError) {
        switch try kind(in: bytes) {
        case .object:
            try beginObject(in: bytes)
            while try nextKey(in: bytes) != nil { try skipValue(in: bytes) }
        case .array:
            try beginArray(in: bytes)
            while try nextElement(in: bytes) { try skipValue(in: bytes) }
        case .string: _ = try text(in: bytes)
        case .number: _ = try number(in: bytes)
        case .bool: _ = try bool(in: bytes)
        case .null: try null(in: bytes)
        }
    }

    /// Refuses anything but white space after the last value.
    public mutating func finish(in bytes: Span<UInt8>) throws(CakeError) {
        skipSpace(in: bytes)
        guard position == bytes.count else { throw refuse("the JSON has ended, but more follows", in: bytes) }
    }

    /// A refusal that names the byte at hand.
    public func refuse(_ why: String, in bytes: Span<UInt8>) -> CakeError {
        guard position < bytes.count else {
            return CakeError(.damaged, "the JSON ends at byte \(position), where \(why)")
        }
        let byte = bytes[position]
        let found = byte > 0x20 && byte < 0x7f ? "\"\(Character(Unicode.Scalar(byte)))\"" : "byte value \(byte)"
        return CakeError(.damaged, "JSON byte \(position): \(why) (found \(found))")
    }

    mutating func skipSpace(in bytes: Span<UInt8>) {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0a, 0x0d, 0x09: position += 1
            default: return
            }
        }
    }

    /// For the parts of the scanner in other files: they have looked at bytes, and step over them.
    mutating func move(to newPosition: Int) { position = newPosition }

    private mutating func begin(_ bracket: UInt8, _ what: String, in bytes: Span<UInt8>) throws(CakeError) {
        skipSpace(in: bytes)
        guard position < bytes.count, bytes[position] == bracket else { throw refuse("\(what) is missing", in: bytes) }
        guard depth < JSONScanner.maximumDepth else {
            throw refuse("more than \(JSONScanner.maximumDepth) arrays and objects inside each other", in: bytes)
        }
        position += 1
        depth += 1
        isFresh = true
    }

    /// Consumes the bracket that closes the container, or the comma before its next member.
    private mutating func ends(with bracket: UInt8, in bytes: Span<UInt8>) throws(CakeError) -> Bool {
        skipSpace(in: bytes)
        guard position < bytes.count else { throw refuse("a closing bracket is missing", in: bytes) }
        if bytes[position] == bracket {
            position += 1
            depth -= 1
            isFresh = false
            return true
        }
        if isFresh {
            isFresh = false
            return false
        }
        guard bytes[position] == UInt8(ascii: ",") else { throw refuse("a comma is missing", in: bytes) }
        position += 1
        skipSpace(in: bytes)
        guard position == bytes.count || bytes[position] != bracket else {
            throw refuse("a comma stands before a closing bracket", in: bytes)
        }
        return false
    }

    private mutating func skip(_ word: StaticString, in bytes: Span<UInt8>) -> Bool {
        var end = position
        for byte in word.description.utf8 {
            guard end < bytes.count, bytes[end] == byte else { return false }
            end += 1
        }
        position = end
        return true
    }
}
