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

    static func document(_ error: CakeError) -> String {
        var inner = JSONText()
        inner.add("kind", "\(error.kind)")
        inner.add("status", error.kind.rawValue)
        inner.add("what", error.what)
        inner.add("fix", error.fix)
        var document = JSONText()
        document.add("error", inner)
        return document.text + "\n"
    }

    static func interrupted(_ rest: String?, isJSON: Bool) -> String {
        if isJSON {
            var inner = JSONText()
            inner.add("kind", "interrupted")
            inner.add("status", 130)
            inner.add("what", "interrupted")
            inner.add("fix", rest)
            var document = JSONText()
            document.add("error", inner)
            return document.text + "\n"
        }
        return "cake: interrupted" + (rest.map { "; \($0)" } ?? "") + "\n"
    }

    /// Line by line: a failure may have several, and each may quote a stranger.
    private static func escape(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { Printable.escape(String($0)) }
    }
}
