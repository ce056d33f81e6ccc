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

    /// One of several names, in the array of what became of each.
    static func value(_ error: CakeError, of name: String) -> JSONValue {
        [
            "name": JSONValue(name),
            "error": members("\(error.kind)", status: error.kind.rawValue, error.what, fix: error.fix),
        ]
    }

    private static func document(_ kind: String, status: Int32, _ what: String, fix: String?) -> String {
        let document: JSONValue = ["error": members(kind, status: status, what, fix: fix)]
        return document.text(.compact) + "\n"
    }

    private static func members(_ kind: String, status: Int32, _ what: String, fix: String?) -> JSONValue {
        var inner = JSONObject()
        inner.append(["kind": JSONValue(kind), "status": JSONValue(Int(status)), "what": JSONValue(what)])
        if let fix { inner.append("fix", JSONValue(fix)) }
        return .object(inner)
    }

    /// Line by line: a failure may have several, and each may quote a stranger.
    private static func escape(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { Printable.escape(String($0)) }
    }
}
