import Model

/// A completion script for bash: one `case` for the verb, one for what an option's value is.
enum BashCompletion {
    static func lines(of table: CommandTable) -> [String] {
        let names = table.commands.map(\.name).joined(separator: " ")
        let globals = GlobalOptions.forms
        var lines = [
            "# bash completion for cake; made by: cake completions bash",
            "_cake_models() { cake ls --names 2>/dev/null; }",
            "_cake() {",
            "    local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"",
            "    # bash takes --output=x apart into three words.",
            "    if [[ $current == = ]]; then current=\"\"",
            "    elif [[ $previous == = ]]; then previous=\"${COMP_WORDS[COMP_CWORD-2]}\"",
            "    fi",
            "    local verb=\"\" word skip=\"\"",
            "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do",
            "        if [[ -n $skip && $word == = ]]; then continue; fi",
            "        if [[ -n $skip ]]; then skip=\"\"; continue; fi",
            "        case $word in",
            "            --store) skip=1 ;;",
            "            -*) ;;",
            "            *) verb=$word; break ;;",
            "        esac",
            "    done",
            "    COMPREPLY=()",
            "    local options=\"\(globals.map { "--\($0.name)" }.joined(separator: " "))\" kind=\"\"",
            "    case $verb in",
            "        '') options+=\" --version\"; kind=commands ;;",
        ]
        for command in table.commands {
            let options = command.options.map { "--\($0.name)" }.joined(separator: " ")
            let pattern = ([command.name] + command.aliases).joined(separator: "|")
            lines.append("        \(pattern))")
            if !options.isEmpty { lines.append("            options+=\" \(options)\"") }
            lines.append("            kind='\(kind(of: command.completion))'")
            let valued = command.options.filter { $0.placeholder != nil && !$0.isValueOptional }
            if !valued.isEmpty {
                lines.append("            case $previous in")
                for option in valued {
                    let spelled = ["--\(option.name)"] + (option.short.map { ["-\($0)"] } ?? [])
                    let value = "kind='\(kind(of: option.completion))'; options=\"\""
                    lines.append("                \(spelled.joined(separator: "|"))) \(value) ;;")
                }
                lines.append("            esac")
            }
            lines.append("            ;;")
        }
        lines += [
            "    esac",
            "    if [[ $previous == --store ]]; then kind=folder; options=\"\"; fi",
            "    if [[ $current == -* && -n $options ]]; then",
            "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")",
            "        return",
            "    fi",
            "    case $kind in",
            "        commands) mapfile -t COMPREPLY < <(compgen -W \"\(names)\" -- \"$current\") ;;",
            "        path) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;",
            "        folder) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\") ;;",
            "        model) mapfile -t COMPREPLY < <(compgen -W \"$(_cake_models)\" -- \"$current\") ;;",
            "        both)",
            "            compopt -o filenames",
            "            mapfile -t COMPREPLY < <(",
            "                compgen -W \"$(_cake_models)\" -- \"$current\"",
            "                compgen -f -- \"$current\"",
            "            )",
            "            ;;",
            "        words:*) mapfile -t COMPREPLY < <(compgen -W \"${kind#words:}\" -- \"$current\") ;;",
            "    esac",
            "}",
            "complete -F _cake cake",
        ]
        return lines
    }

    private static func kind(of completion: Completion) -> String {
        switch completion {
        case .nothing: ""
        case .path: "path"
        case .folder: "folder"
        case .model: "model"
        case .modelOrPath: "both"
        case .command: "commands"
        case .words(let words): "words:" + words.joined(separator: " ")
        }
    }
}
