import Model
import Platform

enum Shell: String, CaseIterable, Sendable { case bash, zsh, fish }

struct CompletionsCommand: Verb {
    let shell: Shell

    private static let shellWord = Positional(
        "SHELL", .one, .words(Shell.allCases.map(\.rawValue)), "bash, zsh or fish")

    static let command = Command(
        Self.self, "completions", for: .learn, "print shell completions",
        positionals: [shellWord],
        examples: [
            .init("source <(cake completions bash)", "in ~/.bashrc"),
            .init("cake completions zsh > ~/.zfunc/_cake", "in a folder of zsh's fpath"),
            .init("cake completions fish > ~/.config/fish/completions/cake.fish", "in the folder where fish looks"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        shell = try Choice.read(try arguments.word(Self.shellWord), as: Shell.self)
    }
}

extension CompletionsCommand {
    func run(in session: Session) async throws {
        let table = CommandTable.standard
        let script =
            switch shell {
            case .bash: BashCompletion.lines(of: table)
            case .zsh: ZshCompletion.lines(of: table)
            case .fish: FishCompletion.lines(of: table)
            }
        session.output.lines(script)
    }
}
