import Model

struct VerifyCommand: Verb {
    /// Empty: everything in the store.
    let names: [String]

    private static let nameWord = Positional("NAME", .any, .model, "models to check; all of them without one")

    static let command = Command(
        Self.self, "verify", aliases: ["fsck"], for: .keep, "read layers again and check them against their names",
        about: [
            "Every layer is rebuilt and hashed. One that is damaged is set aside, so that it is never used, and the "
                + "models that need it are named."
        ],
        positionals: [nameWord],
        examples: [
            .init("cake verify", "the whole store"),
            .init("cake verify mistral-7b", "what one model needs"),
        ],
        whenInterrupted: "nothing was changed but damaged layers set aside; run it again to check the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
    }
}

extension VerifyCommand {
    func run(in session: Session) async throws {
        throw CakeError(.failed, "cake verify is not there yet")
    }
}
