import Model

/// Every verb, in the order in which the help lists them. The parser, the help, the man pages and the completions read
/// this and nothing else.
struct CommandTable: Sendable {
    let commands: [Command]

    static let version = "0.1.0"

    static let standard = CommandTable(commands: [
        ImportCommand.command, PullCommand.command, DownloadCommand.command, ExportCommand.command, CatCommand.command,
        StreamCommand.command, PushCommand.command, CopyCommand.command, ServeCommand.command, DemoCommand.command,
        ListCommand.command, InspectCommand.command, DiffCommand.command, DiskUseCommand.command,
        ListRemoteCommand.command, TagsCommand.command, SearchCommand.command,
        VerifyCommand.command, CollectCommand.command, OptimizeCommand.command, ReclaimCommand.command,
        RemoveCommand.command,
        TagCommand.command,
        PinCommand.command, UnpinCommand.command,
        ConfigCommand.command, LoginCommand.command, LogoutCommand.command, WhoAmICommand.command,
        HelpCommand.command, ManCommand.command, CompletionsCommand.command, VersionCommand.command,
    ])

    func find(_ word: String) throws(CakeError) -> Command {
        if let command = commands.first(where: { $0.name == word || $0.aliases.contains(word) }) { return command }
        let known = commands.map(\.name) + commands.flatMap(\.aliases)
        let nearest = Suggestion.nearest(to: word, among: known)
        throw CakeError(
            .usage, "there is no command \"\(Printable.escape(word))\"",
            fix: nearest.map { "did you mean cake \($0)?" } ?? "cake help lists the commands")
    }
}

/// Options that every command takes, before or after its name.
enum GlobalOptions {
    static let store = Option.text(
        "store", "DIR", completing: .folder, "the store to use, instead of $CAKE_HOME or ~/.local/share/cake")
    static let json = Flag("json", "one JSON document as the result, JSON lines as progress")
    static let quiet = Flag("quiet", short: "q", "no progress and no remarks: only results and errors")
    static let noColor = Flag("no-color", "no colour, as with NO_COLOR in the environment")
    static let help = Flag("help", short: "h", "what a command does and takes")

    static let forms = [store.form, json.form, quiet.form, noColor.form, help.form]
}
