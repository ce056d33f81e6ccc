import Model

/// A completion script for fish: one `complete` for each thing that can be typed.
enum FishCompletion {
    static func lines(of table: CommandTable) -> [String] {
        var lines = [
            "# fish completion for cake; made by: cake completions fish",
            "function __cake_models",
            "    cake ls --names 2>/dev/null",
            "    # Behind NAME@ the versions that the name had.",
            "    set -l token (commandline -ct)",
            "    if string match -q -- '?*@*' $token",
            "        cake history --names (string replace -r '@[^@]*$' '' -- $token) 2>/dev/null",
            "    end",
            "end",
            "# Whether so many words stand behind the verb; with a plus, so many or more.",
            "function __cake_words",
            "    set -l words (string match -v -- '-*' (commandline -opc))",
            "    set -l count (math (count $words) - 2)",
            "    string match -q -- '*+' $argv[1]; and test $count -ge (string trim -c + -- $argv[1]); or test $count -eq (string trim -c + -- $argv[1])",
            "end",
            "complete -c cake -f",
            "complete -c cake -n __fish_use_subcommand -l version -d \(quote("print cake's version"))",
        ]
        lines += GlobalOptions.forms.map { option($0, condition: nil) }
        for command in table.commands {
            lines.append("complete -c cake -n __fish_use_subcommand -a \(command.name) -d \(quote(command.summary))")
        }
        for command in table.commands {
            let condition = "__fish_seen_subcommand_from " + ([command.name] + command.aliases).joined(separator: " ")
            lines += command.options.map { option($0, condition: condition) }
            for (place, positional) in command.positionals.enumerated() {
                let values = values(positional.completion, of: table)
                let words = "__cake_words \(place)\(positional.takesMany ? "+" : "")"
                if !values.isEmpty {
                    lines.append("complete -c cake -n \(quote("\(condition); and \(words)"))\(values)")
                }
            }
        }
        return lines
    }

    private static func option(_ form: OptionForm, condition: String?) -> String {
        var line = "complete -c cake"
        if let condition { line += " -n \(quote(condition))" }
        line += " -l \(form.name)"
        if let short = form.short { line += " -s \(short)" }
        if form.placeholder != nil, !form.isValueOptional {
            // -x: a value, and no files beside what is offered.
            line += form.completion == .path ? " -r" : " -x"
        }
        if form.placeholder != nil { line += values(form.completion, of: nil) }
        return line + " -d \(quote(form.help))"
    }

    private static func values(_ completion: Completion, of table: CommandTable?) -> String {
        switch completion {
        case .nothing: ""
        case .path: " -F"
        case .folder: " -a '(__fish_complete_directories)'"
        case .model: " -a '(__cake_models)'"
        case .modelOrPath: " -F -a '(__cake_models)'"
        case .command: " -a \(quote((table?.commands ?? []).map(\.name).joined(separator: " ")))"
        case .words(let words): " -a \(quote(words.joined(separator: " ")))"
        }
    }

    private static func quote(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }
}
