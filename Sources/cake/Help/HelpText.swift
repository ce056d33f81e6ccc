import Model

/// What `cake VERB --help` says.
enum HelpText {
    static func lines(of command: Command, _ page: Page) -> [String] {
        let style = page.style
        var lines = TextWidth.wrap("cake \(command.name): \(command.summary)", to: page.width)
        lines += ["", style.paint("Usage", .strong)]
        lines += TextWidth.wrap(command.usage, to: page.width - 2).enumerated().map {
            $0 == 0 ? "  \($1)" : "      \($1)"
        }
        if !command.aliases.isEmpty {
            lines.append("  also: " + command.aliases.map { "cake \($0)" }.joined(separator: ", "))
        }
        for paragraph in command.about { lines += [""] + TextWidth.wrap(paragraph, to: page.width) }
        if !command.positionals.isEmpty {
            lines += ["", style.paint("Arguments", .strong)]
            let column = 4 + (command.positionals.map(\.usage.count).max() ?? 0)
            for positional in command.positionals {
                lines += entry(positional.usage, positional.meaning, column: column, page)
            }
        }
        if !command.options.isEmpty {
            lines += ["", style.paint("Options", .strong)] + entries(command.options, page)
        }
        lines += ["", style.paint("Examples", .strong)]
        for example in command.examples {
            lines += ["  " + style.paint(example.line, .accent)]
            lines += TextWidth.wrap(example.meaning, to: page.width - 6).map { "      " + $0 }
        }
        let globals = GlobalOptions.forms.map { "--\($0.name)" }.joined(separator: ", ")
        lines += [""] + TextWidth.wrap("Every command also takes \(globals). See cake help.", to: page.width)
        return lines
    }

    static func entries(_ options: [OptionForm], _ page: Page) -> [String] {
        let column = 4 + min(24, options.map(\.spelling.count).max() ?? 0)
        return options.flatMap { option in
            let more = option.isRepeatable ? " (repeatable)" : option.isRequired ? " (required)" : ""
            return entry(option.spelling, option.help + more, column: column, page)
        }
    }

    /// A term and its meaning beside it; below it where there is no room beside it.
    static func entry(_ term: String, _ meaning: String, column: Int, _ page: Page) -> [String] {
        let isNarrow = page.width - column < 24
        let indent = isNarrow ? 6 : column
        let wrapped = TextWidth.wrap(meaning, to: page.width - indent)
        let indented = wrapped.map { String(repeating: " ", count: indent) + $0 }
        guard !isNarrow, 2 + term.count + 2 <= column, let first = wrapped.first else {
            return ["  " + term] + indented
        }
        let padding = String(repeating: " ", count: column - 2 - term.count)
        return ["  \(term)\(padding)\(first)"] + indented.dropFirst()
    }
}
