/// Why reading stopped before the end of a GGUF header.
enum GGUFStop: Error {
    /// The header continues after the available bytes.
    case short
    case damaged(CakeError)

    init(_ why: String) { self = .damaged(CakeError(.damaged, "GGUF header: \(why)", fix: Safetensors.advice)) }
}

/// Steps through the parts of a GGUF header. Lengths come from a stranger: each is compared with the bytes that are
/// there.
struct GGUFReader {
    private(set) var position = 0
    /// The reference reader's limit of lengths and counts.
    static let maximumCount: UInt64 = 1 << 30

    mutating func number(_ count: Int, in bytes: Span<UInt8>) throws(GGUFStop) -> UInt64 {
        guard bytes.count - position >= count else { throw .short }
        var value: UInt64 = 0
        for index in (0..<count).reversed() { value = value << 8 | UInt64(bytes[position + index]) }
        position += count
        return value
    }

    mutating func u32(in bytes: Span<UInt8>) throws(GGUFStop) -> UInt32 {
        UInt32(truncatingIfNeeded: try number(4, in: bytes))
    }

    /// A count or length of eight bytes.
    mutating func count(_ what: String, in bytes: Span<UInt8>) throws(GGUFStop) -> Int {
        let value = try number(8, in: bytes)
        guard value <= GGUFReader.maximumCount, let count = Int(exactly: value) else {
            throw GGUFStop("\(what) claims \(value), more than \(GGUFReader.maximumCount)")
        }
        return count
    }

    mutating func string(_ what: String, in bytes: Span<UInt8>) throws(GGUFStop) -> String {
        let range = try skipString(what, in: bytes)
        guard let text = String(copying: bytes.extracting(range)) else { throw GGUFStop("\(what) is not UTF-8") }
        return text
    }

    mutating func skipString(_ what: String, in bytes: Span<UInt8>) throws(GGUFStop) -> Range<Int> {
        let length = try count(what, in: bytes)
        guard bytes.count - position >= length else { throw .short }
        defer { position += length }
        return position..<position + length
    }

    /// The value of a pair, or nil for an array, which is passed over.
    mutating func value(_ key: String, in bytes: Span<UInt8>) throws(GGUFStop) -> JSONValue? {
        let what = "\"\(Printable.escape(key))\""
        let type = try u32(in: bytes)
        switch type {
        case 0, 2, 4, 10: return JSONValue(try number(GGUFReader.size(type), in: bytes))
        case 1: return JSONValue(Int(Int8(truncatingIfNeeded: try number(1, in: bytes))))
        case 3: return JSONValue(Int(Int16(truncatingIfNeeded: try number(2, in: bytes))))
        case 5: return JSONValue(Int(Int32(truncatingIfNeeded: try number(4, in: bytes))))
        case 11: return JSONValue(Int(Int64(truncatingIfNeeded: try number(8, in: bytes))))
        case 6: return JSONValue(Double(Float(bitPattern: try u32(in: bytes))))
        case 12: return JSONValue(Double(bitPattern: try number(8, in: bytes)))
        case 7: return .bool(try number(1, in: bytes) != 0)
        case 8: return .string(try string(what, in: bytes))
        case 9:
            try skipArray(what, in: bytes)
            return nil
        default: throw GGUFStop("\(what) has the unknown type \(type)")
        }
    }

    private mutating func skipArray(_ what: String, in bytes: Span<UInt8>) throws(GGUFStop) {
        let type = try u32(in: bytes)
        let count = try count(what, in: bytes)
        switch type {
        case 8: for _ in 0..<count { _ = try skipString(what, in: bytes) }
        case 9: throw GGUFStop("\(what) is an array of arrays")
        case 0...7, 10...12:
            let size = count * GGUFReader.size(type)
            guard bytes.count - position >= size else { throw .short }
            position += size
        default: throw GGUFStop("\(what) is an array of the unknown type \(type)")
        }
    }

    /// Of the types that have one size.
    private static func size(_ type: UInt32) -> Int {
        switch type {
        case 0, 1, 7: 1
        case 2, 3: 2
        case 10, 11, 12: 8
        default: 4
        }
    }
}
