import Model
import Store

struct PinCommand: Verb {
    let names: [String]

    private static let nameWord = Positional(
        "NAME", .some, .model, "one or more models in the store, or a pattern such as 'team/*'")

    static let command = Command(
        Self.self, "pin", for: .keep, "protect models from cake rm",
        about: ["cake rm refuses to remove a pinned model without --force, and a mirror never evicts it."],
        positionals: [nameWord],
        examples: [.init("cake pin mistral-7b", "the base of all fine-tunes here")])

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
    }
}

extension PinCommand {
    func run(in session: Session) async throws { try session.pin(names, true) }
}

extension Session {
    /// Pins or unpins each model, and says so.
    func pin(_ names: [String], _ isPinned: Bool) throws {
        let summaries = Summaries(in: self)
        for (store, named) in try findNames(names) {
            try store.update(named.name, in: try Operation(store)) { old in
                var record = old
                record?.isPinned = isPinned
                return record
            }
            summaries.show(PinSummary(name: named.name, isPinned: isPinned))
        }
        summaries.end()
    }
}
