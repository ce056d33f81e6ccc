/// The keys before a card's prose, between two lines of three dashes. Only the part of YAML that cards use is
/// understood: keys at the margin whose value is a text, a boolean, or a list of these. Other keys are left out.
///
/// Read in one pass: no byte is looked at more than a few times, in any text.
struct FrontMatter: Sendable {
    /// Text after this many bytes is prose.
    static let longest = 64 << 10
    static let mostLines = 1000
    /// A longer text is left out, also in a list.
    static let longestText = 4 << 10

    let keys: JSONObject
    /// How often bytes were looked at: the cost of reading.
    let looks: Int

    init(of card: Span<UInt8>) {
        var reader = FrontMatterReader((0..<min(card.count, FrontMatter.longest)).map { card[$0] })
        keys = reader.read()
        looks = reader.looks
    }
}

private struct FrontMatterReader {
    private let bytes: [UInt8]
    private(set) var looks = 0
    private var next = 0
    private var keys = JSONObject()
    private var known: Set<String> = []
    /// A key without a value on its line, and the entries found on the lines below; nil for entries that are more than
    /// texts.
    private var list: (key: String, entries: [JSONValue]?)?

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private mutating func byte(_ index: Int) -> UInt8 {
        looks += 1
        return bytes[index]
    }

    mutating func read() -> JSONObject {
        guard let first = nextLine(), isRule(first) else { return JSONObject() }
        for _ in 0..<FrontMatter.mostLines {
            guard let line = nextLine(), !isRule(line) else { break }
            take(line)
        }
        endList()
        return keys
    }

    /// Without its end, and without white space before that.
    private mutating func nextLine() -> Range<Int>? {
        guard next < bytes.count else { return nil }
        let start = next
        while next < bytes.count, byte(next) != UInt8(ascii: "\n") { next += 1 }
        defer { next += 1 }
        return trimmedEnd(start..<next)
    }

    private mutating func isRule(_ line: Range<Int>) -> Bool {
        guard line.count == 3 else { return false }
        return line.allSatisfy { byte($0) == UInt8(ascii: "-") }
    }

    private mutating func take(_ line: Range<Int>) {
        let words = trimmed(line)
        guard let first = words.first.map({ byte($0) }) else { return }
        if first == UInt8(ascii: "-"), words.count == 1 || isSpace(byte(words.lowerBound + 1)) {
            return takeEntry(trimmed(words.dropFirst()))
        }
        // Indented: part of a value that is not understood.
        guard words.lowerBound == line.lowerBound, first != UInt8(ascii: "#"),
            let colon = line.first(where: { byte($0) == UInt8(ascii: ":") })
        else { return }
        endList()
        let key = text(trimmedEnd(line.lowerBound..<colon))
        let value = trimmed(colon + 1..<line.upperBound)
        guard let start = value.first.map({ byte($0) }) else {
            list = (key, [])
            return
        }
        switch start {
        case UInt8(ascii: "["): inlineList(value).map { append(key, .array($0)) }
        case UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: ">"), UInt8(ascii: "&"), UInt8(ascii: "*"): break
        default: scalar(value).map { append(key, $0) }
        }
    }

    private mutating func takeEntry(_ entry: Range<Int>) {
        guard list?.entries != nil else { return }
        var last = UInt8(ascii: "\n")
        for index in entry {
            let this = byte(index)
            // An entry with keys of its own.
            if last == UInt8(ascii: ":"), isSpace(this) {
                list?.entries = nil
                return
            }
            last = this
        }
        if let value = scalar(entry) { list?.entries?.append(value) }
    }

    private mutating func endList() {
        if let list, let entries = list.entries, !entries.isEmpty { append(list.key, .array(entries)) }
        list = nil
    }

    /// The first one counts where a key is there twice.
    private mutating func append(_ key: String, _ value: JSONValue) {
        if known.insert(key).inserted { keys.append(key, value) }
    }

    /// The members of `[a, "b"]`; nil when it does not end on its line, or has lists in it.
    private mutating func inlineList(_ value: Range<Int>) -> [JSONValue]? {
        var members: [JSONValue] = []
        var (start, hasBegun) = (value.lowerBound + 1, false)
        var quote: UInt8?
        for index in start..<value.upperBound {
            let this = byte(index)
            if let open = quote {
                if this == open { quote = nil }
                continue
            }
            switch this {
            case UInt8(ascii: ","), UInt8(ascii: "]"):
                if hasBegun, let member = scalar(trimmed(start..<index)) { members.append(member) }
                (start, hasBegun) = (index + 1, false)
                if this == UInt8(ascii: "]") { return start == value.upperBound ? members : nil }
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                if !hasBegun { return nil }
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                if !hasBegun { quote = this }
                hasBegun = true
            default:
                hasBegun = hasBegun || !isSpace(this)
            }
        }
        return nil
    }

    /// A text with or without quotes, or a truth; nil for one that is too long.
    private mutating func scalar(_ value: Range<Int>) -> JSONValue? {
        guard value.count <= FrontMatter.longestText else { return nil }
        if value.count > 1, case let quote = byte(value.lowerBound),
            quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"), byte(value.upperBound - 1) == quote
        {
            return .string(text(value.dropFirst().dropLast()))
        }
        let plain = text(value)
        return plain == "true" || plain == "false" ? .bool(plain == "true") : .string(plain)
    }

    private mutating func text(_ range: Range<Int>) -> String {
        looks += range.count
        return String(decoding: bytes[range], as: UTF8.self)
    }

    private func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private mutating func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        while start < range.upperBound, isSpace(byte(start)) { start += 1 }
        return trimmedEnd(start..<range.upperBound)
    }

    private mutating func trimmedEnd(_ range: Range<Int>) -> Range<Int> {
        var end = range.upperBound
        while end > range.lowerBound, isSpace(byte(end - 1)) { end -= 1 }
        return range.lowerBound..<end
    }
}
