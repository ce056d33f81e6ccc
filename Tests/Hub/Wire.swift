/// A request's head and body, as text.
struct Asked {
    var method: String
    var target: String
    /// As it came: to be split on `/` before it is decoded.
    var rawPath: String
    var query: [(name: String, value: String)]
    var headers: [(name: String, value: String)]
    var body: [UInt8] = []

    subscript(name: String) -> String? { headers.first { $0.name == name }?.value }

    func asked(_ name: String) -> String? { query.last { $0.name == name }?.value }

    /// Old clients write `True`.
    func isAsked(_ name: String) -> Bool { ["true", "1"].contains(asked(name)?.lowercased()) }

    var keepsAlive: Bool { self["connection"]?.lowercased() != "close" }

    static let headLimit = 64 << 10
    static let bodyLimit = 8 << 20

    /// The next request of a connection; nil when there is none, or none that can be read.
    static func read(_ connection: Connection, _ waiting: inout [UInt8]) -> Asked? {
        var end = headEnd(waiting)
        while end == nil {
            guard waiting.count <= headLimit, connection.receive(into: &waiting) else { return nil }
            end = headEnd(waiting)
        }
        guard let end, var asked = Asked(head: String(decoding: waiting[..<end], as: UTF8.self)) else { return nil }
        let length = asked["content-length"].flatMap { Int($0) } ?? 0
        guard length >= 0, length <= bodyLimit else { return nil }
        while waiting.count < end + length { guard connection.receive(into: &waiting) else { return nil } }
        asked.body = Array(waiting[end..<end + length])
        waiting.removeFirst(end + length)
        return asked
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 3..<bytes.count where bytes[index] == 10 {
            if bytes[index - 1] == 13, bytes[index - 2] == 10, bytes[index - 3] == 13 { return index + 1 }
        }
        return nil
    }

    private init?(head: String) {
        // CR LF is one Character.
        let lines = head.split(separator: "\r\n")
        guard let words = lines.first?.split(separator: " "), words.count == 3, words[2].hasPrefix("HTTP/1.") else {
            return nil
        }
        method = String(words[0])
        target = String(words[1])
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        rawPath = String(parts[0])
        query = parts.count == 2 ? Form.pairs(String(parts[1])) : []
        headers = lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return (line[..<colon].lowercased(), String(value))
        }
    }
}

/// Percent-encoding and forms.
enum Form {
    static func pairs(_ text: String) -> [(name: String, value: String)] {
        text.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let plain = parts.map { decode(String($0.map { $0 == "+" ? " " : $0 })) }
            return (plain[0], plain.count == 2 ? plain[1] : "")
        }
    }

    static func decode(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func encode(_ text: String, keeping kept: String = "") -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8).union(kept.utf8)
        return text.utf8.map { byte in
            if plain.contains(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return digits.utf8.count == 1 ? "%0" + digits : "%" + digits
        }.joined()
    }
}

/// A `Range: bytes=…` of one piece, beside a length.
enum AskedRange {
    case all
    case part(Range<UInt64>)
    case outside

    init(_ header: String?, length: UInt64) {
        guard let header, header.hasPrefix("bytes=") else {
            self = .all
            return
        }
        let ends = header.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2 else {
            self = .all
            return
        }
        switch (UInt64(ends[0]), UInt64(ends[1])) {
        case (let first?, let last?) where first <= last:
            self = first < length ? .part(first..<min(last, length - 1) + 1) : .outside
        case (let first?, nil) where ends[1].isEmpty: self = first < length ? .part(first..<length) : .outside
        case (nil, let count?) where ends[0].isEmpty:
            self = count > 0 && length > 0 ? .part(length - min(count, length)..<length) : .outside
        default: self = .all
        }
    }
}
