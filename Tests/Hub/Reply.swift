internal import Model

/// An answer before it is sent.
struct Reply {
    enum Piece {
        case bytes([UInt8])
        case file(OpenFile, Range<UInt64>)

        var count: UInt64 {
            switch self {
            case .bytes(let bytes): UInt64(bytes.count)
            case .file(_, let range): UInt64(range.count)
            }
        }
    }

    var status: Int
    var headers: [(name: String, value: String)]
    var body: [Piece]
    /// Where the body begins in the file it is a part of.
    var offset: UInt64 = 0

    init(_ status: Int, _ headers: [(name: String, value: String)] = [], body: [Piece] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    init(_ status: Int = 200, json: JSONValue, _ headers: [(name: String, value: String)] = []) {
        self.init(
            status, headers + [("Content-Type", "application/json; charset=utf-8")],
            body: [.bytes(json.bytes(.compact))])
    }

    init(_ status: Int, text: String, _ headers: [(name: String, value: String)] = []) {
        self.init(status, headers + [("Content-Type", "text/plain; charset=utf-8")], body: [.bytes(Array(text.utf8))])
    }

    /// A file or a part of it, as asked for.
    init(_ file: OpenFile, range header: String?, _ headers: [(name: String, value: String)]) {
        self.init(200, headers)
        self["Accept-Ranges"] = "bytes"
        switch AskedRange(header, length: file.size) {
        case .all: body = [.file(file, 0..<file.size)]
        case .part(let range):
            status = 206
            body = [.file(file, range)]
            offset = range.lowerBound
            self["Content-Range"] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)"
        case .outside:
            status = 416
            self["Content-Range"] = "bytes */\(file.size)"
        }
    }

    var count: UInt64 { body.reduce(0) { $0 + $1.count } }

    subscript(name: String) -> String? {
        get { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
        set {
            headers.removeAll { $0.name.lowercased() == name.lowercased() }
            if let newValue { headers.append((name, newValue)) }
        }
    }

    /// The body with other bytes from `place` (in the body) on.
    mutating func overwrite(at place: UInt64, with bytes: [UInt8]) {
        var result: [Piece] = []
        var start: UInt64 = 0
        for piece in body {
            let range = start..<start + piece.count
            let cut = range.clamped(to: place..<place + UInt64(bytes.count))
            start = range.upperBound
            guard !cut.isEmpty else {
                result.append(piece)
                continue
            }
            let new = bytes[Int(cut.lowerBound - place)..<Int(cut.upperBound - place)]
            let before = cut.lowerBound - range.lowerBound
            let after = cut.upperBound - range.lowerBound
            switch piece {
            case .bytes(let old): result.append(.bytes(Array(old[..<Int(before)] + new + old[Int(after)...])))
            case .file(let file, let part):
                result.append(.file(file, part.lowerBound..<part.lowerBound + before))
                result.append(.bytes(Array(new)))
                result.append(.file(file, part.lowerBound + after..<part.upperBound))
            }
        }
        body = result
    }

    /// All of the body in memory, for answers that are small.
    func bytes() -> [UInt8] {
        body.flatMap { piece in
            switch piece {
            case .bytes(let bytes): bytes
            case .file(let file, let range): file.bytes(range)
            }
        }
    }

    static let reasons = [
        200: "OK", 206: "Partial Content", 302: "Found", 304: "Not Modified", 307: "Temporary Redirect",
        400: "Bad Request",
        401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
        416: "Range Not Satisfiable",
        429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable",
    ]

    /// The head with a length that need not be true.
    func head(length: UInt64?) -> [UInt8] {
        var text = "HTTP/1.1 \(status) \(Reply.reasons[status] ?? "Answer")\r\n"
        for (name, value) in headers where name.lowercased() != "content-length" { text += "\(name): \(value)\r\n" }
        if status != 304, let length = self["Content-Length"] ?? length.map({ String($0) }) {
            text += "Content-Length: \(length)\r\n"
        }
        return Array((text + "\r\n").utf8)
    }
}
