import Model
import Store

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
    func run(in session: Session) async throws { try session.pin(names, true) }
}

extension Session {
    /// Sets or takes the pin of each model, and says so.
    func pin(_ names: [String], _ isPinned: Bool) throws {
        var summaries = Summaries(in: self)
        for (store, named) in try find(each: names) {
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
