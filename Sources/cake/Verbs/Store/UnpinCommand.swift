import Model

struct UnpinCommand: Verb {
    let names: [String]

    private static let nameWord = Positional(
        "NAME", .some, .model, "one or more models in the store, or a pattern such as 'team/*'")

    static let command = Command(
        Self.self, "unpin", for: .keep, "undo cake pin",
        positionals: [nameWord],
        examples: [.init("cake unpin mistral-7b", "now cake rm can remove it")])

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
    }
}

extension UnpinCommand {
    func run(in session: Session) async throws { try session.pin(names, false) }
}
