import Model
import Platform

/// What a verb works with: the settings, the streams, and someone to tell how far it is.
struct Session: Sendable {
    let settings: Settings
    let environment: Environment
    let terminal: Terminal
    /// Results. Everything else goes through `reporter`.
    let output: StandardOutput
    let errors: StandardError
    let input: StandardInput
    let reporter: Reporter

    init(_ settings: Settings, _ environment: Environment) {
        self.settings = settings
        self.environment = environment
        terminal = Terminal(environment, refusesColour: settings.refusesColour)
        output = StandardOutput(isTerminal: terminal.isTerminal(.output))
        errors = StandardError()
        input = StandardInput()
        reporter = Reporter(settings, terminal, errors)
    }

    /// Colours for standard output.
    var style: Style { Style(isOn: terminal.allowsColour(.output)) }

    /// For prose on standard output.
    var page: Page { Page(width: terminal.proseWidth(.output), style: style) }

    /// As wide as the terminal; whole in a pipe or a file.
    func show(_ table: Table) {
        output.lines(table.lines(width: terminal.width(.output), style: style))
    }

    /// Asks before something that cannot be taken back. Without a person to ask, the answer is no.
    func confirms(_ question: String) async throws -> Bool {
        guard terminal.isTerminal(.input), terminal.isTerminal(.errors) else { return false }
        errors.write("\(Printable.escape(question)) [y/N] ")
        guard let answer = try await input.line() else { return false }
        return ["y", "yes"].contains(answer.lowercased())
    }
}
