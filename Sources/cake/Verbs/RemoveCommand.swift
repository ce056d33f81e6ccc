import Model

struct RemoveCommand: Verb {
    let names: [String]
    let removesPinned: Bool
    let isDryRun: Bool

    private static let nameWord = Positional("NAME", .some, .model, "one or more models in the store")
    private static let force = Flag("force", short: "f", "even when it is pinned")
    private static let dryRun = Flag("dry-run", "say what would be removed, and what cake gc could then free")

    static let command = Command(
        Self.self, "rm", aliases: ["rmi", "remove"], for: .keep, "remove models by name",
        about: [
            "Takes the name away. The layers stay until cake gc, which frees those that no other model needs; until "
                + "then, importing the model again costs nothing."
        ],
        positionals: [nameWord],
        options: [force.form, dryRun.form],
        examples: [
            .init("cake rm mistral-ft", "one model"),
            .init("cake rm mistral-ft-1 mistral-ft-2 --dry-run", "what two would free"),
            .init("cake rm mistral-ft && cake gc", "and take the room back"),
        ],
        whenInterrupted: "names that are removed stay removed; run it again for the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        removesPinned = arguments.has(Self.force)
        isDryRun = arguments.has(Self.dryRun)
    }
}

extension RemoveCommand {
    func run(in session: Session) async throws {
        throw CakeError(.failed, "cake rm is not there yet")
    }
}
