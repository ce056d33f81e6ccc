import Model

struct CollectCommand: Verb {
    let isDryRun: Bool
    /// Nil: the store's own.
    let grace: Duration?

    private static let dryRun = Flag("dry-run", "say what would be freed, free nothing")
    private static let graceOption = Option.duration(
        "grace", "keep layers that no model has named yet and that are younger, such as 2h or 1d")

    static let command = Command(
        Self.self, "gc", aliases: ["prune"], for: .keep, "free the room of layers that no model needs",
        about: [
            "Removes what no name in the store leads to. What a running command is about to use is never touched, and "
                + "layers that are stored but not yet named are kept while they are younger than the grace time."
        ],
        options: [dryRun.form, graceOption.form],
        examples: [
            .init("cake gc --dry-run", "what it would free"),
            .init("cake rm old-model && cake gc", "remove a model and take its room back"),
            .init("cake gc --grace 1d", "careful with what slow imports have stored"),
        ],
        whenInterrupted: "what is freed is freed, and the store is whole; run it again for the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        isDryRun = arguments.has(Self.dryRun)
        grace = try arguments.value(of: Self.graceOption)
    }
}

extension CollectCommand {
    func run(in session: Session) async throws {
        throw CakeError(.failed, "cake gc is not there yet")
    }
}
