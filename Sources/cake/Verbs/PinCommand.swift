import Model

struct PinCommand: Verb {
    let names: [String]

    private static let nameWord = Positional("NAME", .some, .model, "one or more models in the store")

    static let command = Command(
        Self.self, "pin", for: .keep, "protect models from being removed",
        about: ["cake rm refuses a pinned model without --force."],
        positionals: [nameWord],
        examples: [.init("cake pin mistral-7b", "the base that everything here stands on")])

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
    }
}

extension PinCommand {
    func run(in session: Session) async throws {
        throw CakeError(.failed, "cake pin is not there yet")
    }
}
