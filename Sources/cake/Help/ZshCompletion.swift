import Model

/// A completion script for zsh, in the words of its `_arguments`.
enum ZshCompletion {
    static func lines(of table: CommandTable) -> [String] {
        var lines = [
            "#compdef cake",
            "# zsh completion for cake; made by: cake completions zsh",
            "_cake_models() {",
            "    local -a models",
            "    models=(${(f)\"$(cake ls --names 2>/dev/null)\"})",
            "    # Behind NAME@ the versions that the name had.",
            "    if [[ $PREFIX == ?*@* ]]; then",
            "        models+=(${(f)\"$(cake history --names -- ${PREFIX%@*} 2>/dev/null)\"})",
            "    fi",
            "    compadd -a models",
            "}",
            "_cake_commands() {",
            "    local -a commands",
            "    commands=(",
        ]
        lines += table.commands.map { "        '\(quote("\($0.name):\($0.summary)"))'" }
        lines += [
            "    )",
            "    _describe command commands",
            "}",
            "_cake() {",
            "    local context state line curcontext=$curcontext",
            "    local -a shared",
            "    typeset -A opt_args",
            "    shared=(",
        ]
        lines += GlobalOptions.forms.flatMap(specifications).map { "        \($0)" }
        lines += [
            "    )",
            "    _arguments -C $shared '1: :_cake_commands' '*:: :->rest'",
            "    [[ $state == rest ]] || return",
            "    case $words[1] in",
        ]
        for command in table.commands {
            lines.append("        \(([command.name] + command.aliases).joined(separator: "|")))")
            var parts = command.options.flatMap(specifications)
            for (index, positional) in command.positionals.enumerated() {
                let place = positional.takesMany ? "*" : "\(index + 1)"
                parts.append("'\(place):\(quote(label(positional.placeholder))):\(action(positional.completion))'")
            }
            lines += ["            _arguments $shared \\"]
            lines += parts.enumerated().map { "                \($1)" + ($0 == parts.count - 1 ? "" : " \\") }
            if parts.isEmpty { lines[lines.count - 1] = "            _arguments $shared" }
            lines.append("            ;;")
        }
        // Works as a file in fpath and when it is sourced.
        lines += ["    esac", "}", "if [[ $funcstack[1] == _cake ]]; then _cake \"$@\"; else compdef _cake cake; fi"]
        return lines
    }

    private static func specifications(_ option: OptionForm) -> [String] {
        let spelled = ["--\(option.name)"] + (option.short.map { ["-\($0)"] } ?? [])
        return spelled.map { spelling in
            let excluded = option.isRepeatable ? "*" : spelled.count > 1 ? "(\(spelled.joined(separator: " ")))" : ""
            var text = "'\(excluded)\(spelling)"
            if option.placeholder != nil {
                text += option.isValueOptional ? "=-" : spelling.hasPrefix("--") ? "=" : "+"
            }
            text += "[\(quote(option.help).replacing("[", with: "\\[").replacing("]", with: "\\]"))]"
            if let placeholder = option.placeholder {
                text +=
                    (option.isValueOptional ? "::" : ":") + quote(label(placeholder)) + ":" + action(option.completion)
            }
            return text + "'"
        }
    }

    private static func label(_ placeholder: String) -> String { placeholder.replacing(":", with: " ") }

    private static func action(_ completion: Completion) -> String {
        switch completion {
        case .nothing: " "
        case .path: "_files"
        case .folder: "_files -/"
        case .model: "_cake_models"
        case .modelOrPath: "{_cake_models; _files}"
        case .command: "_cake_commands"
        case .words(let words): "(\(words.joined(separator: " ")))"
        }
    }

    private static func quote(_ text: String) -> String { text.replacing("'", with: "'\\''") }
}
