/// A refusal by a Hub, and its meaning for the person who asked.
public struct HubAnswer: Sendable {
    public static let maximumBody = 64 << 10

    public let status: Int
    let code: String?
    /// The server's message: from a stranger, made safe to print and cut to a reasonable length.
    public let message: String

    /// `code` and `message` are the headers `X-Error-Code` and `X-Error-Message`. Of the body only `maximumBody` bytes
    /// are read.
    public init(status: Int, code: String? = nil, message: String? = nil, body: Span<UInt8>) {
        self.status = status
        self.code = code
        let words = message.flatMap { $0.isEmpty ? nil : $0 } ?? HubAnswer.words(in: body)
        self.message = HubAnswer.tame(words)
    }

    public func error(to question: HubQuestion) -> CakeError {
        switch (status, code) {
        case (_, "GatedRepo"): gated(question)
        case (404, "RevisionNotFound"): noRevision(question)
        case (404, "EntryNotFound"): noFile(question)
        case (401, _) where question.hasToken: badToken(question)
        case (401, _), (404, "RepoNotFound"): noRepository(question)
        case (403, _): forbidden(question)
        case (404, _): nothing(question)
        case (429, _): busy(question)
        case (500..., _), (408, _): troubled(question)
        default: odd(question)
        }
    }

    /// The same for a client of a server that asked on its behalf.
    public func refusal(asked: Duration?) -> HubRefusal {
        let seconds = asked.map { max(1, min(Int($0.components.seconds), 3600)) } ?? 10
        switch status {
        case 429: return .upstream(429, "The upstream Hub limits the number of requests", retryAfter: seconds)
        case 503: return .upstream(503, "The upstream Hub has a server error", retryAfter: seconds)
        case 408, 425, 500...: return .upstream(502, "The upstream Hub answered status \(status)", retryAfter: seconds)
        default:
            let code = code.flatMap(HubRefusal.Code.init) ?? (status == 401 || status == 404 ? .noRepository : nil)
            return HubRefusal(status, code, passedOn)
        }
    }

    /// Its message, for a header. A mirror that asks another mirror passes on that one's refusal.
    private var passedOn: String {
        let refuses = "The upstream Hub refuses this"
        let words = String(decoding: message.utf8.filter { (0x20...0x7e).contains($0) }, as: UTF8.self)
        if words.hasPrefix(refuses) { return words }
        return words.isEmpty ? refuses : refuses + ": " + words
    }

    /// JSON's `error`, the first of its `errors`, or the first line of plain text. A page of HTML says nothing.
    private static func words(in body: Span<UInt8>) -> String {
        let body = body.extracting(first: maximumBody)
        if let document = try? JSONValue(parsing: body, repeatedKeys: .kept) {
            return document["error"]?.string ?? document["errors"]?.array?.first?["message"]?.string
                ?? document["message"]?.string ?? ""
        }
        guard let text = String(copying: body) else { return "" }
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        return line.contains("<") || line.utf8.first == UInt8(ascii: "{") ? "" : line
    }

    /// Cut, escaped, and without anything that looks like a token, should a server repeat one.
    static func tame(_ text: String) -> String {
        var words: [String] = []
        for word in text.unicodeScalars.prefix(300).split(separator: " ") {
            let word = String(word)
            words.append(word.contains("hf_") && word.utf8.count > 12 ? "hf_…" : Printable.escape(word))
        }
        let cut = text.unicodeScalars.count > 300 ? "…" : ""
        return words.joined(separator: " ") + cut
    }

    /// For the end of a sentence about an answer that cake has no words for.
    var quoted: String { message.isEmpty ? "" : ": \(message)" }
}
