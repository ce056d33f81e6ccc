import Model

/// Every verb, in the order in which the help lists them. The parser, the help, the man pages and the completions read
/// this and nothing else.
struct CommandTable: Sendable {
    let commands: [Command]

    static let version = CakeVersion.text

    static let standard = CommandTable(commands: [
        ImportCommand.command, PullCommand.command, DownloadCommand.command, ExportCommand.command, CatCommand.command,
        StreamCommand.command, MountCommand.command, UnmountCommand.command, PushCommand.command, CopyCommand.command,
        SaveCommand.command, LoadCommand.command, ServeCommand.command, DemoCommand.command,
        ListCommand.command, InspectCommand.command, DiffCommand.command, HistoryCommand.command,
        HaveCommand.command, DiskUseCommand.command,
        ListRemoteCommand.command, TagsCommand.command, SearchCommand.command,
        VerifyCommand.command, SignCommand.command, CollectCommand.command, OptimizeCommand.command,
        ReclaimCommand.command,
        RemoveCommand.command, MoveCommand.command, TagCommand.command,
        PinCommand.command, UnpinCommand.command,
        ConfigCommand.command, LoginCommand.command, LogoutCommand.command, WhoAmICommand.command,
        SelfTestCommand.command, HelpCommand.command, ManCommand.command, CompletionsCommand.command,
        VersionCommand.command,
    ])

    /// A verb by its name, another name that its help shows, or another tool's word for it.
    func find(_ word: String) throws(CakeError) -> Command {
        if let command = exactly(word) ?? Habits.verbs[word].flatMap(exactly) { return command }
        if let group = Habits.groups[word] {
            let first = group.first.map { "cake \($0.verb)" } ?? "cake help"
            throw CakeError(
                .usage, "\(word) needs a second word: \(group.map(\.word).joined(separator: ", "))",
                fix: "for example: \(first)")
        }
        if let answer = Habits.answer(word) { throw answer }
        let known = commands.map(\.name) + commands.flatMap(\.aliases)
        let nearest = Suggestion.nearest(to: word, among: known)
        throw CakeError(
            .usage, "there is no command \"\(Printable.escape(word))\"",
            fix: nearest.map { "did you mean cake \($0)?" } ?? "cake help lists the commands")
    }

    /// The verb of two words, such as `cache ls`.
    func find(_ first: String, _ second: String) throws(CakeError) -> Command {
        let group = Habits.groups[first] ?? []
        if let command = group.first(where: { $0.word == second }).flatMap({ exactly($0.verb) }) { return command }
        throw CakeError(
            .usage, "there is no command \"\(first) \(Printable.escape(second))\"",
            fix: (try? find(second)).map { "did you mean cake \($0.name)?" }
                ?? "after \(first) cake knows \(group.map(\.word).joined(separator: ", "))")
    }

    private func exactly(_ word: String) -> Command? {
        commands.first { $0.name == word || $0.aliases.contains(word) }
    }
}

/// Options that every command takes, before or after its name.
enum GlobalOptions {
    static let store = Option.text(
        "store", "DIR", completing: .folder, "use this store instead of $CAKE_HOME or ~/.local/share/cake")
    static let json = Flag("json", "print the result as one JSON document, and progress as JSON lines")
    static let quiet = Flag("quiet", short: "q", "print results and errors only")
    static let verbose = Flag("verbose", short: "v", "also print each request to a server, and what the command took")
    static let noColor = Flag("no-color", "print without colour, as with NO_COLOR in the environment")
    static let help = Flag("help", short: "h", "show what a command does and takes")

    static let forms = [store.form, json.form, quiet.form, verbose.form, noColor.form, help.form]
}
