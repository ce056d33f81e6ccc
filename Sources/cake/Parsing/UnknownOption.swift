import Model

/// An option that the verb does not have: what a person most likely meant.
struct UnknownOption {
    let table: CommandTable
    /// With its dashes.
    let written: String
    let value: String?

    private var shown: String { Printable.escape(written) }

    /// `word` comes next, for an option that stands before the verb.
    func error(of command: Command?, before word: String?) -> CakeError {
        if let command { return error(of: command) }
        guard let word, let verb = try? table.find(word) else {
            let nearest = Suggestion.nearest(to: written, among: GlobalOptions.forms.map { "--" + $0.name })
            return CakeError(
                .usage, "cake has no option \(shown)",
                fix: nearest.map { "did you mean \($0)?" } ?? "cake help lists the commands and the options of all")
        }
        guard verb.options.contains(where: isMeant) else { return error(of: verb) }
        return CakeError(
            .usage, "\(shown) is an option of \(verb.name), and has to come after it",
            fix: "cake \(verb.name) \(written)")
    }

    private func error(of command: Command) -> CakeError {
        CakeError(.usage, "\(command.name) has no option \(shown)", fix: fix(of: command))
    }

    private func fix(of command: Command) -> String {
        let known = (command.options + GlobalOptions.forms).map { "--" + $0.name }
        let nearest = Suggestion.nearest(to: written, among: known)
        if let nearest, isSlip(of: nearest) { return "did you mean \(nearest)?" }
        if let habit = Habits.option(written, value: value, of: command) { return habit }
        let others = table.commands.filter { $0.options.contains(where: isMeant) }.map { "cake \($0.name)" }
        if written.hasPrefix("--"), !others.isEmpty, others.count <= 3 {
            return "\(shown) is an option of \(others.joined(separator: ", "))"
        }
        return nearest.map { "did you mean \($0)?" } ?? "cake \(command.name) --help shows what it takes"
    }

    /// One wrong letter, or an end that is missing.
    private func isSlip(of option: String) -> Bool {
        option.hasPrefix(written) || Suggestion.distance(Array(written.utf8), Array(option.utf8)) == 1
    }

    private func isMeant(_ option: OptionForm) -> Bool {
        written == "--" + option.name || option.short.map { written == "-\($0)" } ?? false
    }
}
