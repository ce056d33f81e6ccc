import Model

/// Manual pages in roff's man macros: one for cake, one for each verb.
enum ManPage {
    static func lines(of table: CommandTable) -> [String] {
        var lines = head("cake", "store models as layers that are shared")
        lines += [".SH SYNOPSIS", ".B cake", ".I COMMAND", "[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]", ".SH DESCRIPTION"]
        lines.append(
            text(
                "cake keeps models the way docker keeps images: as layers named by what is in them. A layer is the bytes "
                    + "of one tensor, of a file's header, or of a file that holds no tensors. Two models that share a "
                    + "tensor share the layer, whatever file or name it sits under, and every file comes back bit for bit."
            ))
        for purpose in Command.Purpose.allCases {
            lines.append(".SH \(purpose.rawValue.uppercased())")
            for command in table.commands where command.purpose == purpose {
                lines += [".TP", ".BR cake\\-\(text(command.name)) (1)", text(command.summary)]
            }
        }
        lines += [".SH OPTIONS", "Every command takes these, before or after its name."]
        lines += options(GlobalOptions.forms)
        lines += [".SH ENVIRONMENT"]
        let variables = [
            ("CAKE_HOME", "where the store is"),
            ("CAKE_LOWER", "stores that lie below, parted by colons: what they have counts as here, and is only read"),
            (
                "XDG_DATA_HOME",
                "its folder cake is the store when CAKE_HOME is not set; without both, ~/.local/share/cake"
            ),
            ("XDG_CONFIG_HOME", "its folder cake holds the file config; without it, ~/.config/cake/config"),
            ("HF_ENDPOINT", "a mirror of the Hub, asked instead of https://huggingface.co"),
            ("CAKE_MIRRORS", "servers that a pull asks for files before the Hub, in order, with commas between"),
            ("CAKE_RACE_MIRRORS", "1 when whichever mirror answers first is taken, not the first that is named"),
            ("HF_TOKEN, HF_TOKEN_PATH, HF_HOME", "the token; the file it is saved in; the folder of that file"),
            ("HF_HUB_OFFLINE", "1 when no server may be asked"),
            ("HF_HUB_DISABLE_XET", "1 when no Xet server may be asked where it keeps tensors"),
            (
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL",
                "for s3:// names, as Amazon's tools read them"
            ),
            ("SSL_CERT_FILE", "certificates to trust instead of the system's"),
            ("SSL_CERT_DIR", "folders of certificates to trust too, as openssl rehash makes them"),
            ("NO_COLOR, CLICOLOR_FORCE", "no colour at all; colour even in a pipe"),
        ]
        for (name, meaning) in variables { lines += [".TP", ".B \(text(name))", text(meaning)] }
        lines += [".SH EXIT STATUS"]
        for (status, meaning) in statuses { lines += [".TP", ".B \(status)", text(meaning)] }
        lines +=
            [".SH EXAMPLES"]
            + examples([
                .init("cake import ./mistral-ft mistral-ft", "put a folder into the store"),
                .init("cake diff mistral-7b mistral-ft", "see what the fine-tune changed"),
                .init("cake export mistral-ft -o ./copy", "get the files back"),
            ])
        return lines
    }

    static func lines(of command: Command) -> [String] {
        var lines = head("cake-\(command.name)", command.summary)
        lines += [".SH SYNOPSIS", ".B \(text(command.usage))"]
        if !command.aliases.isEmpty {
            lines += [".br", "Also: " + text(command.aliases.map { "cake \($0)" }.joined(separator: ", "))]
        }
        lines.append(".SH DESCRIPTION")
        let paragraphs = command.about.isEmpty ? ["cake \(command.name): \(command.summary)."] : command.about
        lines += paragraphs.enumerated().flatMap { $0 == 0 ? [text($1)] : [".PP", text($1)] }
        if !command.positionals.isEmpty {
            lines.append(".SH ARGUMENTS")
            for positional in command.positionals {
                lines += [".TP", ".I \(text(positional.usage))", text(positional.meaning)]
            }
        }
        if !command.options.isEmpty { lines += [".SH OPTIONS"] + options(command.options) }
        lines += [".SH EXAMPLES"] + examples(command.examples)
        lines += [
            ".SH SEE ALSO", ".BR cake (1),", "which also has the options of every command and the exit statuses.",
        ]
        return lines
    }

    static let statuses: [(Int, String)] = [
        (0, "done"), (1, "failed"), (2, "what was typed makes no sense"), (10, "not found"), (11, "damaged"),
        (12, "locked by another process"), (13, "the network failed"), (14, "the disk is full"),
        (15, "not authorised"), (16, "needs the network, but is told to stay offline"), (130, "interrupted"),
    ]

    private static func head(_ name: String, _ summary: String) -> [String] {
        [
            ".TH \(text(name).uppercased()) 1 \"\" \"cake \(CommandTable.version)\" \"cake\"", ".SH NAME",
            "\(text(name)) \\- \(text(summary))",
        ]
    }

    private static func options(_ forms: [OptionForm]) -> [String] {
        forms.flatMap { form in
            let spelling = form.spelling.drop { $0 == " " }
            let more = form.isRepeatable ? " May be given again." : form.isRequired ? " Required." : ""
            return [".TP", ".B \(text(String(spelling)))", text(form.help + "." + more)]
        }
    }

    private static func examples(_ examples: [Command.Example]) -> [String] {
        examples.flatMap { [".TP", ".B \(text($0.line))", text($0.meaning)] }
    }

    /// What roff would take for its own is escaped.
    private static func text(_ plain: String) -> String {
        var escaped = ""
        for character in plain {
            switch character {
            case "\\": escaped += "\\e"
            case "-": escaped += "\\-"
            case "'": escaped += "\\(aq"
            case "~": escaped += "\\(ti"
            case "^": escaped += "\\(ha"
            case "`": escaped += "\\(ga"
            case "\"": escaped += "\\(dq"
            default: escaped.append(character)
            }
        }
        return escaped.hasPrefix(".") ? "\\&" + escaped : escaped
    }
}
