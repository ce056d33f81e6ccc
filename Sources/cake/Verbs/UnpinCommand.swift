import Model
import Platform
import Store

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
    func run(in session: Session) async throws {
        var done: [JSONValue] = []
        for name in names {
            let (store, named) = try session.find(name)
            let operation = try Operation(store)
            try store.update(named.name, in: operation) { old in
                var record = old
                record?.isPinned = false
                return record
            }
            done.append(["name": JSONValue(named.name.string), "pinned": .bool(false)])
            if !session.settings.isQuiet, !session.settings.isJSON { session.output.line("unpinned \(named.name)") }
        }
        if session.settings.isJSON { session.show(.array(done)) }
    }
}
