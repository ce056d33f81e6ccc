import Model

/// A completion script for bash: one `case` for the verb, one for the value of an option. Words are offered by their place
/// after the verb.
enum BashCompletion {
    static func lines(of table: CommandTable) -> [String] {
        let names = table.commands.map(\.name).joined(separator: " ")
        let globals = GlobalOptions.forms
        var lines = [
            "# bash completion for cake; made by: cake completions bash",
            "# A name with other characters would be run by the shell that reads it.",
            "_cake_models() {",
            "    cake ls --names 2>/dev/null | grep -E '^[A-Za-z0-9._/:@+~,=-]+$'",
            "    # Behind NAME@ the versions that the name had.",
            "    if [[ $1 == ?*@* ]]; then",
            "        cake history --names \"${1%@*}\" 2>/dev/null | grep -E '^[A-Za-z0-9._/:@+~,=-]+$'",
            "    fi",
            "}",
            "_cake() {",
            "    # bash takes words apart at @ and :, which names have. Pieces without a blank between them are one word.",
            "    local line=$COMP_LINE word=\"\" rest=\"\" joins=\"\" i",
            "    local -a words=()",
            "    for ((i = 0; i <= COMP_CWORD; i++)); do",
            "        word=${COMP_WORDS[i]}",
            "        rest=${line#\"${line%%[![:blank:]]*}\"}",
            "        if [[ -n $line && $rest == \"$line\" && $i -gt 0 && ( $word == [@:]* || -n $joins ) ]]; then",
            "            words[${#words[@]}-1]+=$word",
            "        else",
            "            words+=(\"$word\")",
            "        fi",
            "        joins=\"\"; if [[ $word == [@:]* ]]; then joins=1; fi",
            "        line=${rest#\"$word\"}",
            "    done",
            "    local cword=$((${#words[@]} - 1))",
            "    local current=\"${words[cword]}\" previous=\"${words[cword-1]}\"",
            "    # bash takes --output=x apart into three words.",
            "    if [[ $current == = ]]; then current=\"\"",
            "    elif [[ $previous == = ]]; then previous=\"${words[cword-2]}\"",
            "    fi",
            "    local verb=\"\" skip=\"\" at=0",
            "    for word in \"${words[@]:1:cword-1}\"; do",
            "        at=$((at + 1))",
            "        if [[ -n $skip && $word == = ]]; then continue; fi",
            "        if [[ -n $skip ]]; then skip=\"\"; continue; fi",
            "        case $word in",
            "            --store) skip=1 ;;",
            "            -*) ;;",
            "            *) verb=$word; break ;;",
            "        esac",
            "    done",
            "    COMPREPLY=()",
            "    local options=\"\(globals.map { "--\($0.name)" }.joined(separator: " "))\" kind=\"\" value=\"\" valued=\" --store \" more=\"\"",
            "    local -a kinds=()",
            "    case $verb in",
            "        '') options+=\" --version\"; kind=commands ;;",
        ]
        for command in table.commands {
            let options = command.options.map { "--\($0.name)" }.joined(separator: " ")
            let pattern = ([command.name] + command.aliases).joined(separator: "|")
            lines.append("        \(pattern))")
            if !options.isEmpty { lines.append("            options+=\" \(options)\"") }
            let kinds = command.positionals.map { "'\(kind(of: $0.completion))'" }
            if !kinds.isEmpty { lines.append("            kinds=(\(kinds.joined(separator: " ")))") }
            if command.positionals.last?.takesMany == true, let last = kinds.last {
                lines.append("            more=\(last)")
            }
            let valued = command.options.filter { $0.placeholder != nil && !$0.isValueOptional }
            if !valued.isEmpty {
                let spelled = valued.flatMap { ["--\($0.name)"] + ($0.short.map { ["-\($0)"] } ?? []) }
                lines.append("            valued+=\"\(spelled.joined(separator: " ")) \"")
                lines.append("            case $previous in")
                for option in valued {
                    let spelled = ["--\(option.name)"] + (option.short.map { ["-\($0)"] } ?? [])
                    let value = "kind='\(kind(of: option.completion))'; options=\"\"; value=1"
                    lines.append("                \(spelled.joined(separator: "|"))) \(value) ;;")
                }
                lines.append("            esac")
            }
            lines.append("            ;;")
        }
        lines += [
            "    esac",
            "    if [[ $previous == --store ]]; then kind=folder; options=\"\"; value=1; fi",
            "    if [[ -n $verb && -z $value ]]; then",
            "        local place=0",
            "        for word in \"${words[@]:at+1:cword-at-1}\"; do",
            "            if [[ -n $skip ]]; then",
            "                if [[ $word != = ]]; then skip=\"\"; fi",
            "                continue",
            "            fi",
            "            case $word in",
            "                -*) if [[ $valued == *\" $word \"* ]]; then skip=1; fi ;;",
            "                *) place=$((place + 1)) ;;",
            "            esac",
            "        done",
            "        kind=${kinds[place]-$more}",
            "    fi",
            "    if [[ $current == -* && -n $options ]]; then",
            "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")",
            "        return",
            "    fi",
            "    case $kind in",
            "        commands) mapfile -t COMPREPLY < <(compgen -W \"\(names)\" -- \"$current\") ;;",
            "        path) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;",
            "        folder) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\") ;;",
            "        model) mapfile -t COMPREPLY < <(compgen -W \"$(_cake_models \"$current\")\" -- \"$current\") ;;",
            "        both)",
            "            compopt -o filenames",
            "            mapfile -t COMPREPLY < <(",
            "                compgen -W \"$(_cake_models \"$current\")\" -- \"$current\"",
            "                compgen -f -- \"$current\"",
            "            )",
            "            ;;",
            "        words:*) mapfile -t COMPREPLY < <(compgen -W \"${kind#words:}\" -- \"$current\") ;;",
            "    esac",
            "    # bash replaces what stands behind the last of these alone.",
            "    local head=${current%\"${current##*[@:]}\"}",
            "    if [[ -n $COMP_LINE && -n $head && $COMP_WORDBREAKS == *\"${head: -1}\"* ]]; then",
            "        COMPREPLY=(\"${COMPREPLY[@]#\"$head\"}\")",
            "    fi",
            "    # What ends like this is typed on.",
            "    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=.] ]]; then compopt -o nospace; fi",
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
