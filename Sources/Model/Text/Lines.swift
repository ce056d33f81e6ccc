/// Reads cake's own text files: lines of words with one space between, over bytes and without copies. A line counts
/// only with its line feed: a truncated file is detected.
struct Lines {
    private(set) var position = 0
    private var line = 0

    func isAtEnd(of bytes: Span<UInt8>) -> Bool { position == bytes.count }

    mutating func next(in bytes: Span<UInt8>) -> Words? {
        var end = position
        while end < bytes.count, bytes[end] != lineFeed { end += 1 }
        guard end < bytes.count else { return nil }
        defer { position = end + 1 }
        line += 1
        return Words(position: position, end: end)
    }

    func refuse(_ why: String) -> CakeError { CakeError(.damaged, "its line \(line) \(why)") }
}

package let lineFeed = UInt8(ascii: "\n")

/// The rest of a line. Each call takes the next word, with the space before it unless the line begins there.
struct Words {
    private var position: Int
    private let end: Int
    private var isAtStart = true

    init(position: Int, end: Int) {
        self.position = position
        self.end = end
    }

    var isAtEnd: Bool { position == end }

    /// A word has been taken by its spelling: the next has a space before it.
    mutating func continueLine() { isAtStart = false }

    mutating func skip(prefix: String, in bytes: Span<UInt8>) -> Bool {
        var index = position
        for byte in prefix.utf8 {
            guard index < end, bytes[index] == byte else { return false }
            index += 1
        }
        position = index
        return true
    }

    mutating func digest(in bytes: Span<UInt8>) -> Digest? {
        guard skipSpace(in: bytes), end - position >= 64 else { return nil }
        let next = position + 64
        guard next == end || bytes[next] == UInt8(ascii: " ") else { return nil }
        defer { position = next }
        return Digest(hex: bytes.extracting(position..<next))
    }

    /// A decimal number without sign or leading zeros.
    mutating func number(in bytes: Span<UInt8>) -> UInt64? {
        guard let range = nextRange(in: bytes) else { return nil }
        return Words.number(in: bytes, range)
    }

    mutating func word(in bytes: Span<UInt8>) -> String? {
        guard let range = nextRange(in: bytes) else { return nil }
        return String(copying: bytes.extracting(range))
    }

    mutating func dtype(in bytes: Span<UInt8>) -> DType? {
        guard let range = nextRange(in: bytes) else { return nil }
        return DType(spelling: bytes.extracting(range))
    }

    /// `4096x32`, or `-` for no dimensions at all.
    mutating func shape(in bytes: Span<UInt8>) -> [UInt64]? {
        guard let range = nextRange(in: bytes) else { return nil }
        if range.count == 1, bytes[range.lowerBound] == UInt8(ascii: "-") { return [] }
        var shape: [UInt64] = []
        var start = range.lowerBound
        for index in range where bytes[index] == UInt8(ascii: "x") {
            guard let dimension = Words.number(in: bytes, start..<index) else { return nil }
            shape.append(dimension)
            start = index + 1
        }
        guard let last = Words.number(in: bytes, start..<range.upperBound) else { return nil }
        shape.append(last)
        return shape
    }

    /// The rest of the line, with %XX undone. Bytes that need an escape must have one, and others must not: one text,
    /// one spelling.
    mutating func escaped(in bytes: Span<UInt8>) -> String? {
        guard skipSpace(in: bytes) else { return nil }
        let rest = position..<end
        position = end
        return Escaped.text(bytes.extracting(rest))
    }

    /// Whatever the case of its letters.
    func ends(with suffix: String, in bytes: Span<UInt8>) -> Bool {
        let start = end - suffix.utf8.count
        guard start >= position else { return false }
        return zip(start..<end, suffix.utf8).allSatisfy { index, byte in
            let other = bytes[index]
            return other == byte || other | 0x20 == byte && (0x41...0x5A).contains(other)
        }
    }

    func text(in bytes: Span<UInt8>) -> String? { String(copying: bytes.extracting(position..<end)) }

    private mutating func nextRange(in bytes: Span<UInt8>) -> Range<Int>? {
        guard skipSpace(in: bytes) else { return nil }
        var index = position
        while index < end, bytes[index] != UInt8(ascii: " ") { index += 1 }
        guard index > position else { return nil }
        defer { position = index }
        return position..<index
    }

    private mutating func skipSpace(in bytes: Span<UInt8>) -> Bool {
        guard !isAtStart else {
            isAtStart = false
            return true
        }
        guard position < end, bytes[position] == UInt8(ascii: " ") else { return false }
        position += 1
        return true
    }

    private static func number(in bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        guard !range.isEmpty, range.count == 1 || bytes[range.lowerBound] != UInt8(ascii: "0") else { return nil }
        var value: UInt64 = 0
        for index in range {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }
}

extension String {
    /// The bytes as text, or nil when they are not UTF-8.
    public init?(copying bytes: Span<UInt8>) {
        guard let text = try? UTF8Span(validating: bytes) else { return nil }
        self = String(copying: text)
    }
}
