import Model

struct TagCommand: Verb {
    let name: String
    let newName: String
    let replacesName: Bool

    private static let nameWord = Positional("NAME", .one, .model, "a model in the store")
    private static let newWord = Positional("NEW", .one, .nothing, "one more name for it")
    private static let force = Flag("force", short: "f", "even when NEW is the name of another model")

    static let command = Command(
        Self.self, "tag", for: .keep, "give a model one more name",
        about: ["Both names lead to the same layers, so the second takes no room."],
        positionals: [nameWord, newWord],
        options: [force.form],
        examples: [
            .init("cake tag mistral-ft production", "a name to deploy by"),
            .init("cake tag mistral-ft-2 production --force", "and move it on"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        newName = try arguments.word(Self.newWord)
        replacesName = arguments.has(Self.force)
    }
}

extension TagCommand {
    func run(in session: Session) async throws {
        throw CakeError(.failed, "cake tag is not there yet")
    }
}
