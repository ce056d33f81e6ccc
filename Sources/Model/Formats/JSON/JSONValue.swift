/// A JSON text as a tree: for small documents (config.json, the output of `--json`). Headers and indexes of strangers
/// are read with `JSONScanner`, which keeps nothing.
public enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(JSONScanner.Number)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// Members in the order they were written; a key that is written twice is here twice.
public struct JSONObject: Hashable, Sendable {
    public struct Member: Hashable, Sendable {
        public let key: String
        public let value: JSONValue

        public init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    public var members: [Member]

    public init(_ members: [Member] = []) { self.members = members }

    /// The last member of that key, as most readers have it; keys are equal when their bytes are.
    public subscript(key: String) -> JSONValue? {
        let wanted = ExactText(key)
        return members.last { ExactText($0.key) == wanted }?.value
    }

    public mutating func append(_ key: String, _ value: JSONValue) {
        members.append(Member(key: key, value: value))
    }

    public mutating func append(_ members: KeyValuePairs<String, JSONValue>) {
        for (key, value) in members { append(key, value) }
    }

    /// The first key that is here twice.
    var repeatedKey: String? {
        var seen: Set<ExactText> = []
        return members.first { !seen.insert(ExactText($0.key)).inserted }?.key
    }
}

extension JSONValue {
    /// The member of an object; nil for any other value.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    public var bool: Bool? {
        guard case .bool(let flag) = self else { return nil }
        return flag
    }

    /// A whole number of at least zero. `1.0` is not one.
    public var unsigned: UInt64? {
        guard case .number(.unsigned(let value)) = self else { return nil }
        return value
    }

    public var array: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    public var object: JSONObject? {
        guard case .object(let object) = self else { return nil }
        return object
    }

    public init(_ value: UInt64) { self = .number(.unsigned(value)) }

    public init(_ value: Int) {
        self = .number(value < 0 ? .negative(Int64(value)) : .unsigned(UInt64(value)))
    }

    public init(_ value: Double) { self = .number(.double(value)) }

    /// A string, or null.
    public init(_ text: String?) { self = text.map { .string($0) } ?? .null }

    public init(_ value: UInt64?) { self = value.map { JSONValue($0) } ?? .null }

    public init(_ value: Int?) { self = value.map { JSONValue($0) } ?? .null }

    public init(_ value: Double?) { self = value.map { JSONValue($0) } ?? .null }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self.init(value) }
    public init(floatLiteral value: Double) { self.init(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(nilLiteral: ()) { self = .null }

    /// Keeps the order of the literal.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}
