import Model
import Store

struct HaveCommand: Verb {
    let names: [String]

    private static let nameWord = Positional("NAME", .any, .model, "only layers of these models")

    static let command = Command(
        Self.self, "have", for: .look, "list the layers here, for cake save --not-in in another store",
        about: [
            "Prints a line for each layer of the models here: its SHA-256 and its size, sorted. A bundle that is saved with "
                + "--not-in this list leaves these layers out, also of models that are not here.",
            "The list has digests and sizes, and no names.",
        ],
        positionals: [nameWord],
        examples: [
            .init("cake have > here.list", "carry this list to the other store"),
            .init("cake have mistral-7b > here.list", "promise to keep only this model"),
            .init("ssh there cake have | cake save tune -o tune.tar --not-in -", "without a file"),
        ])

    init(_ arguments: Arguments) throws(CakeError) { names = arguments.words(Self.nameWord) }
}

extension HaveCommand {
    func run(in session: Session) async throws {
        guard let store = try names.isEmpty ? session.storeToRead() : session.find(names[0]).store else {
            return session.show(HaveSummary(list: .none))
        }
        let models = try names.isEmpty ? store.allNames() : session.find(each: names).map(\.named)
        session.show(HaveSummary(list: try store.layersHad(by: models)))
    }
}
