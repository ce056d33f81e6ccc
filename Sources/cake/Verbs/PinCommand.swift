import Model
import Platform
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
    func run(in session: Session) async throws {
        var done: [JSONValue] = []
        for name in names {
            let (store, named) = try session.find(name)
            let operation = try Operation(store)
            try store.update(named.name, in: operation) { old in
                var record = old
                record?.isPinned = true
                return record
            }
            done.append(["name": JSONValue(named.name.string), "pinned": .bool(true)])
            if !session.settings.isQuiet, !session.settings.isJSON { session.output.line("pinned \(named.name)") }
        }
        if session.settings.isJSON { session.show(.array(done)) }
    }
}
