import Model

/// A failure as it stands on standard error: what happened to what, then what to type next.
enum ErrorText {
    static func text(_ error: CakeError, style: Style) -> String {
        let what = escape(error.what).joined(separator: "\n      ")
        var text = style.paint("cake:", .bad) + " " + what + "\n"
        if let fix = error.fix {
            text += style.paint("fix:", .accent) + " " + escape(fix).joined(separator: "\n     ") + "\n"
        }
        return text
    }

    /// In a note.
    static func inline(_ error: CakeError) -> String { error.what + (error.fix.map { "; fix: " + $0 } ?? "") }

    static func document(_ error: CakeError) -> String {
        document("\(error.kind)", status: error.kind.rawValue, error.what, fix: error.fix)
    }

    static func interrupted(_ rest: String?, isJSON: Bool) -> String {
        if isJSON { return document("interrupted", status: 130, "interrupted", fix: rest) }
        return "cake: interrupted" + (rest.map { "; \($0)" } ?? "") + "\n"
    }

    private static func document(_ kind: String, status: Int32, _ what: String, fix: String?) -> String {
        var inner = JSONObject()
        inner.append(["kind": JSONValue(kind), "status": JSONValue(Int(status)), "what": JSONValue(what)])
        if let fix { inner.append("fix", JSONValue(fix)) }
        let document: JSONValue = ["error": .object(inner)]
        return document.text(.compact) + "\n"
    }

    /// Line by line: a failure may have several, and each may quote a stranger.
    private static func escape(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { Printable.escape(String($0)) }
    }
}
