import Model

struct UnpinCommand: Verb {
    let names: [String]

    private static let nameWord = Positional("NAME", .some, .model, "one or more models in the store")

    static let command = Command(
        Self.self, "unpin", for: .keep, "let pinned models be removed again",
        positionals: [nameWord],
        examples: [.init("cake unpin mistral-7b", "and cake rm takes it like any other")])

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
    }
}

extension UnpinCommand {
    func run(in session: Session) async throws { try session.pin(names, false) }
}
