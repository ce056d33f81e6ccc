import Model
import Platform

/// Runs commands as a person would type them, one after the other, in a folder and with a store of their own, and shows
/// each before what it says.
struct Stage: Sendable {
    let folder: String
    let session: Session

    var store: String { folder + "/store" }

    /// Whether there is somebody to read.
    var isShown: Bool { !session.settings.isJSON && !session.settings.isQuiet }

    /// Relative paths in commands begin in the folder from here on.
    init(_ folder: String, _ session: Session) throws(CakeError) {
        try Disk.enter(folder)
        self.folder = folder
        self.session = session
    }

    /// Shows and runs a command. What it says with `--json`, where that was asked for.
    func run(_ words: String...) async throws -> JSONValue {
        try Task.checkCancellation()
        let command = (["cake"] + words).joined(separator: " ")
        if isShown { session.output.lines(["", session.style.paint("$ " + command, .accent)]) }
        var typed = words
        if session.settings.isJSON { typed.append("--json") }
        if session.settings.isQuiet { typed.append("--quiet") }
        var variables = session.environment.variables
        variables["CAKE_HOME"] = store
        variables["CAKE_LOWER"] = nil
        let output = isShown ? session.output : StandardOutput(keeping: ())
        try await session.run(typed: typed, with: variables, output: output)
        guard session.settings.isJSON else { return .null }
        let text = output.kept
        return ["command": JSONValue(command), "result": try JSONValue(parsing: text.span)]
    }

    /// Prose between the commands.
    func say(_ text: String) {
        if isShown { session.output.lines(TextWidth.wrap(text, to: session.page.width)) }
    }
}
