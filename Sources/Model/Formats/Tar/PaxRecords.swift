/// The records before an entry of a tar archive: `LENGTH KEY=VALUE` and a line feed, LENGTH counting all of it.
struct PaxRecords: Hashable, Sendable {
    private(set) var path: [UInt8]?
    private(set) var size: UInt64?

    var isEmpty: Bool { path == nil && size == nil }

    private static let space = UInt8(ascii: " ")
    private static let equals = UInt8(ascii: "=")

    init(_ bytes: Span<UInt8>) throws(CakeError) {
        var position = 0
        while position < bytes.count {
            var (length, start) = (0, position)
            while start < bytes.count, bytes[start] != PaxRecords.space {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[start]), start - position < 8 else {
                    throw PaxRecords.refuse("without a length")
                }
                length = length * 10 + Int(bytes[start] - UInt8(ascii: "0"))
                start += 1
            }
            start += 1
            let end = position + length
            guard start < end, end <= bytes.count, bytes[end - 1] == lineFeed else {
                throw PaxRecords.refuse("whose length is wrong")
            }
            try read(bytes.extracting(start..<end - 1))
            position = end
        }
    }

    private mutating func read(_ record: Span<UInt8>) throws(CakeError) {
        guard let split = record.indices.first(where: { record[$0] == PaxRecords.equals }), split > 0 else {
            throw PaxRecords.refuse("without a key")
        }
        let key = String(decoding: record.indices.prefix(split).map { record[$0] }, as: UTF8.self)
        let value = record.indices.dropFirst(split + 1).map { record[$0] }
        switch key {
        case "path":
            guard path == nil else { throw PaxRecords.refuse("that gives a second path") }
            guard !value.isEmpty, !value.contains(0) else { throw PaxRecords.refuse("with no valid path") }
            path = value
        case "size":
            guard size == nil else { throw PaxRecords.refuse("that gives a second size") }
            let isNumber = value.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard isNumber, let number = UInt64(String(decoding: value, as: UTF8.self)) else {
                throw PaxRecords.refuse("whose size is no number")
            }
            size = try ByteCount.checked(number, of: "an entry of the tar archive")
        default:
            guard !key.utf8.starts(with: "GNU.sparse.".utf8), !["SCHILY.realsize", "SUN.holesdata"].contains(key) else {
                throw PaxRecords.refuse("of a sparse file")
            }
        }
    }

    private static func refuse(_ which: String) -> CakeError { TarScanner.refuse("has a record \(which)") }
}
