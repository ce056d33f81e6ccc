extension JSONValue {
    /// How to handle a key that an object has twice: readers disagree on which one counts.
    public enum RepeatedKeys: Sendable { case refused, kept }

    /// A tree can take thirty times its text, so larger texts are refused unless the caller says otherwise.
    public static let usualLimit = 4 << 20

    public init(
        parsing bytes: Span<UInt8>, repeatedKeys: RepeatedKeys = .refused, limit: Int = usualLimit
    ) throws(CakeError) {
        guard bytes.count <= limit else {
            throw CakeError(.damaged, "a JSON text of \(bytes.count) bytes, where at most \(limit) were expected")
        }
        var scanner = JSONScanner()
        self = try JSONValue(&scanner, repeatedKeys, in: bytes)
        try scanner.finish(in: bytes)
    }

    private init(
        _ scanner: inout JSONScanner, _ repeatedKeys: RepeatedKeys, in bytes: Span<UInt8>
    ) throws(CakeError) {
        switch try scanner.kind(in: bytes) {
        case .null:
            try scanner.null(in: bytes)
            self = .null
        case .bool: self = .bool(try scanner.bool(in: bytes))
        case .number: self = .number(try scanner.number(in: bytes))
        case .string: self = .string(try scanner.string(in: bytes))
        case .array:
            var elements: [JSONValue] = []
            try scanner.beginArray(in: bytes)
            while try scanner.nextElement(in: bytes) {
                elements.append(try JSONValue(&scanner, repeatedKeys, in: bytes))
            }
            self = .array(elements)
        case .object:
            var object = JSONObject()
            try scanner.beginObject(in: bytes)
            while let key = try scanner.nextKey(in: bytes) {
                let name = try JSONScanner.string(of: key, in: bytes)
                object.append(name, try JSONValue(&scanner, repeatedKeys, in: bytes))
            }
            if repeatedKeys == .refused, let key = object.repeatedKey {
                throw CakeError(.damaged, "the JSON has the key \"\(Printable.escape(key))\" twice in one object")
            }
            self = .object(object)
        }
    }
}
