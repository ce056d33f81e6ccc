import Model

/// What a person asked for.
struct Invocation: Sendable {
    enum Request: Sendable {
        case overview
        case version
        case help(Command)
        case run(Command)
    }

    var request: Request
    var arguments: Arguments
}

/// Words to an invocation. Options may stand anywhere, long and short, with `=`, a space or nothing before the value;
/// `--` ends them.
struct Parser {
    let table: CommandTable

    private var words: ArraySlice<String>
    private var command: Command?
    /// The first of two words that mean a verb together, such as `cache` of `cache ls`.
    private var group: String?
    private var arguments = Arguments()
    private var positionals: [String] = []
    /// An option that may have a value and came without: where among the positionals the word after it stands.
    private var undecided: (option: OptionForm, position: Int)?

    static func parse(_ words: [String], with table: CommandTable) throws(CakeError) -> Invocation {
        var parser = Parser(table: table, words: words[...])
        return try parser.parse()
    }

    private init(table: CommandTable, words: ArraySlice<String>) {
        self.table = table
        self.words = words
    }

    private mutating func parse() throws(CakeError) -> Invocation {
        while let word = words.popFirst() {
            if word == "--" {
                for rest in words { try take(rest) }
                words = []
            } else if word == "--help" || word == "-h" {
                return Invocation(request: try helpRequest(), arguments: arguments)
            } else if command == nil, word == "--version" || word == "-V" {
                return Invocation(request: .version, arguments: arguments)
            } else if word.hasPrefix("--") {
                try takeLong(word.dropFirst(2))
            } else if word.hasPrefix("-"), word != "-" {
                if try takeShort(word.dropFirst()) {
                    return Invocation(request: try helpRequest(), arguments: arguments)
                }
            } else {
                try take(word)
            }
        }
        guard let command else {
            if let group { _ = try table.find(group) }
            return Invocation(request: .overview, arguments: arguments)
        }
        try assignPositionals(of: command)
        for option in command.options where option.isRequired && arguments.options[option.name] == nil {
            throw CakeError(
                .usage, "\(command.name) needs \(option.usage): \(option.help)", fix: Self.example(of: command))
        }
        return Invocation(request: .run(command), arguments: arguments)
    }

    /// `cake --help export` means what `cake export --help` means.
    private func helpRequest() throws(CakeError) -> Invocation.Request {
        if let command { return .help(command) }
        let word = words.first { !$0.hasPrefix("-") }
        switch (group, word) {
        case (nil, nil): return .overview
        case (let group?, nil): return .help(try table.find(group))
        case (nil, let word?): return .help(try table.find(word))
        case (let group?, let word?): return .help(try table.find(group, word))
        }
    }

    private mutating func take(_ word: String) throws(CakeError) {
        if command != nil {
            positionals.append(word)
        } else if let group {
            command = try table.find(group, word)
        } else if Habits.groups[word] != nil {
            group = word
        } else {
            command = try table.find(word)
        }
    }

    private var known: [OptionForm] { (command?.options ?? []) + GlobalOptions.forms }

    private mutating func takeLong(_ text: Substring) throws(CakeError) {
        let name = String(text.prefix { $0 != "=" })
        let value = text.count > name.count ? String(text.dropFirst(name.count + 1)) : nil
        guard let option = known.first(where: { $0.name == name }) else { throw unknown("--" + name, value) }
        try take(option, written: "--" + name, value: value)
    }

    /// `-qf`, `-oDIR`, `-o DIR`. True when help was asked for on the way.
    private mutating func takeShort(_ text: Substring) throws(CakeError) -> Bool {
        var rest = text
        while let letter = rest.popFirst() {
            guard let option = known.first(where: { $0.short == letter }) else { throw unknown("-\(letter)", nil) }
            if option.name == GlobalOptions.help.form.name { return true }
            var value: String?
            if option.placeholder != nil, !rest.isEmpty {
                value = String(rest.first == "=" ? rest.dropFirst() : rest)
                rest = ""
            }
            try take(option, written: "-\(letter)", value: value)
        }
        return false
    }

    private mutating func take(_ option: OptionForm, written: String, value: String?) throws(CakeError) {
        guard let placeholder = option.placeholder else {
            guard value == nil else {
                throw CakeError(.usage, "\(written) takes no value", fix: "write \(written) alone")
            }
            arguments.add(nil, to: option)
            return
        }
        var value = value
        if value == nil, !option.isValueOptional {
            guard let next = words.first, !isOption(next) else {
                throw CakeError(
                    .usage, "\(written) needs a value: \(option.help)", fix: "write \(written) \(placeholder)")
            }
            value = words.popFirst()
        }
        if !option.isRepeatable, let before = arguments.options[option.name] {
            let given = (before + [value]).map { Printable.escape($0 ?? "nothing") }
            throw CakeError(
                .usage, "--\(option.name) was given twice: \(given.joined(separator: " and "))", fix: "give it once")
        }
        arguments.add(value, to: option)
        if value == nil { undecided = (option, positionals.count) }
    }

    private func isOption(_ word: String) -> Bool {
        if word == "--" { return true }
        let name = word.drop { $0 == "-" }.prefix { $0 != "=" }
        if word.hasPrefix("--") { return known.contains { $0.name == name } }
        return word.hasPrefix("-") && word.count == 2 && known.contains { $0.short == word.last }
    }

    private mutating func assignPositionals(of command: Command) throws(CakeError) {
        let takesMany = command.positionals.contains(where: \.takesMany)
        let most = takesMany ? Int.max : command.positionals.count
        if let undecided, positionals.count > most, undecided.position < positionals.count {
            arguments.complete(undecided.option, with: positionals.remove(at: undecided.position))
        }
        if positionals.count > most {
            throw CakeError(
                .usage, "\(command.name) does not know what to do with \"\(Printable.escape(positionals[most]))\"",
                fix: "it takes \(command.usage); a name with spaces needs quotes around it")
        }
        var rest = positionals[...]
        for positional in command.positionals {
            guard let word = rest.popFirst() else {
                if positional.isRequired {
                    throw CakeError(
                        .usage, "\(command.name) needs \(positional.placeholder): \(positional.meaning)",
                        fix: Self.example(of: command))
                }
                break
            }
            guard !word.isEmpty else {
                throw CakeError(.usage, "\(positional.placeholder) is empty", fix: Self.example(of: command))
            }
            arguments.add(word, to: positional)
            if positional.takesMany { while let word = rest.popFirst() { arguments.add(word, to: positional) } }
        }
    }

    private static func example(of command: Command) -> String {
        "for example: \(command.examples.first?.line ?? command.usage)"
    }

    private func unknown(_ written: String, _ value: String?) -> CakeError {
        UnknownOption(table: table, written: written, value: value ?? words.first).error(
            of: command, before: words.first { !$0.hasPrefix("-") })
    }
}
