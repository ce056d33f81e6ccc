import Model
import Platform

struct HelpCommand: Verb {
    let verb: String?

    private static let verbWord = Positional("COMMAND", .optional, .command, "the command")

    static let command = Command(
        Self.self, "help", for: .learn, "show what a command does and takes",
        positionals: [verbWord],
        examples: [
            .init("cake help", "list all commands"),
            .init("cake help export", "one command; the same as cake export --help"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        verb = arguments.words(Self.verbWord).first
    }
}

extension HelpCommand {
    func run(in session: Session) async throws {
        if let verb {
            session.output.lines(HelpText.lines(of: try CommandTable.standard.find(verb), session.page))
        } else {
            session.output.lines(Overview.lines(of: .standard, session.page))
        }
    }
}
