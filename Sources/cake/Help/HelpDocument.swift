import Model
import Platform

/// What the help says, for a program.
enum HelpDocument {
    static func document(of table: CommandTable) -> JSONValue {
        [
            "version": JSONValue(CommandTable.version), "commands": .array(table.commands.map { document(of: $0) }),
            "options": .array(GlobalOptions.forms.map(document)),
        ]
    }

    static func document(of command: Command) -> JSONValue {
        [
            "name": JSONValue(command.name), "aliases": .array(command.aliases.map { JSONValue($0) }),
            "summary": JSONValue(command.summary), "usage": JSONValue(command.usage),
            "about": .array(command.about.map { JSONValue($0) }),
            "arguments": .array(
                command.positionals.map { positional in
                    [
                        "name": JSONValue(positional.placeholder), "required": .bool(positional.isRequired),
                        "repeatable": .bool(positional.takesMany), "help": JSONValue(positional.meaning),
                    ]
                }),
            "options": .array(command.options.map(document)),
            "examples": .array(
                command.examples.map { ["line": JSONValue($0.line), "meaning": JSONValue($0.meaning)] }),
        ]
    }

    private static func document(of option: OptionForm) -> JSONValue {
        [
            "name": JSONValue("--" + option.name), "short": JSONValue(option.short.map { "-\($0)" }),
            "value": JSONValue(option.placeholder), "required": .bool(option.isRequired),
            "repeatable": .bool(option.isRepeatable), "help": JSONValue(option.help),
        ]
    }
}

extension Session {
    /// Runs a verb whose result is text: with `--json` the text becomes a document. False for other verbs.
    func showDocument(of verb: any Verb) async throws -> Bool {
        guard settings.isJSON else { return false }
        switch verb {
        case let help as HelpCommand:
            let table = CommandTable.standard
            show(
                try help.verb.map { word throws(CakeError) in HelpDocument.document(of: try table.find(word)) }
                    ?? HelpDocument.document(of: table))
        case is ManCommand, is CompletionsCommand:
            let kept = StandardOutput(keeping: ())
            try await verb.run(in: Session(settings, environment, within: self, output: kept))
            show(["text": JSONValue(String(decoding: kept.kept, as: UTF8.self))] as JSONValue)
        default: return false
        }
        return true
    }
}
