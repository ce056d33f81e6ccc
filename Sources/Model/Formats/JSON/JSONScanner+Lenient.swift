extension JSONScanner {
    /// The next value if it is a string; others are skipped.
    mutating func optionalString(in bytes: Span<UInt8>) throws(CakeError) -> String? {
        if try kind(in: bytes) == .string { return try string(in: bytes) }
        try skipValue(in: bytes)
        return nil
    }

    mutating func optionalBool(in bytes: Span<UInt8>) throws(CakeError) -> Bool? {
        if try kind(in: bytes) == .bool { return try bool(in: bytes) }
        try skipValue(in: bytes)
        return nil
    }

    /// The next value if it is a whole number without a sign; others are skipped.
    mutating func optionalWholeNumber(in bytes: Span<UInt8>) throws(CakeError) -> UInt64? {
        if try kind(in: bytes) == .number { return try wholeNumber(in: bytes) }
        try skipValue(in: bytes)
        return nil
    }

    /// A string, or the strings of an array; at most `limit`.
    mutating func strings(in bytes: Span<UInt8>, limit: Int) throws(CakeError) -> [String] {
        guard try kind(in: bytes) == .array else { return try optionalString(in: bytes).map { [$0] } ?? [] }
        var strings: [String] = []
        try beginArray(in: bytes)
        while try nextElement(in: bytes) {
            if let string = try optionalString(in: bytes), strings.count < limit { strings.append(string) }
        }
        return strings
    }

    /// Opens the next object; false if there is another value, which is then skipped.
    mutating func opensObject(in bytes: Span<UInt8>) throws(CakeError) -> Bool {
        if try kind(in: bytes) == .object {
            try beginObject(in: bytes)
            return true
        }
        try skipValue(in: bytes)
        return false
    }

    mutating func opensArray(in bytes: Span<UInt8>) throws(CakeError) -> Bool {
        if try kind(in: bytes) == .array {
            try beginArray(in: bytes)
            return true
        }
        try skipValue(in: bytes)
        return false
    }

    mutating func key(in bytes: Span<UInt8>) throws(CakeError) -> String? {
        guard let key = try nextKey(in: bytes) else { return nil }
        return try JSONScanner.string(of: key, in: bytes)
    }
}
