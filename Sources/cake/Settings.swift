import Model
import Platform

/// What a person decided, by option or by variable: worked out once, before anything is done.
struct Settings: Sendable {
    let isJSON: Bool
    let isQuiet: Bool
    let refusesColour: Bool
    private let storeOption: String?
    private let environment: Environment

    /// Every variable cake listens to.
    static let variables = [
        "CAKE_HOME", "XDG_DATA_HOME", "HOME", "TMPDIR", "HF_HOME", "HF_HUB_CACHE",
        "NO_COLOR", "CLICOLOR_FORCE", "TERM", "COLUMNS",
    ]

    init(_ arguments: Arguments, _ environment: Environment) throws(CakeError) {
        isJSON = arguments.has(GlobalOptions.json)
        isQuiet = arguments.has(GlobalOptions.quiet)
        refusesColour = arguments.has(GlobalOptions.noColor)
        storeOption = try arguments.value(of: GlobalOptions.store)
        self.environment = environment
    }

    /// Where the store is: `--store`, `$CAKE_HOME`, `$XDG_DATA_HOME/cake`, `~/.local/share/cake`.
    func storePath() throws(CakeError) -> String {
        if let storeOption { return storeOption }
        if let home = environment["CAKE_HOME"] { return home }
        // The XDG rules ask to ignore a path that is not absolute.
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return data + "/cake" }
        if let home = environment["HOME"] { return home + "/.local/share/cake" }
        throw CakeError(
            .usage, "there is no HOME, so cake does not know where its store is",
            fix: "say where: --store DIR, or CAKE_HOME=DIR in the environment")
    }

    /// `~` and `~/…` where the shell left them alone, as between quotes.
    func expandingHome(_ path: String) -> String {
        guard path == "~" || path.hasPrefix("~/"), let home = environment["HOME"] else { return path }
        return home + path.dropFirst()
    }
}
