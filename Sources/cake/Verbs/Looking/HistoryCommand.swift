import Model
import Store

struct HistoryCommand: Verb {
    let names: [String]
    let showsNamesOnly: Bool

    private static let nameWord = Positional(
        "NAME", .any, .model, "models in the store; without one, all that had another version before")
    private static let namesFlag = Flag("names", "only NAME@ID of the versions that are here, one on a line")

    static let command = Command(
        Self.self, "history", aliases: ["snapshots", "versions"], for: .look, "list the versions that a name had",
        about: [
            "Each import, pull or tag that gives a name another model leaves a version behind. cake gc keeps that for a "
                + "day after it was replaced, so cake tag NAME@ID can bring it back. Layers that other models need stay "
                + "longer.",
            "cake ls, export, inspect, diff, cat and verify take NAME@ID, too. cake rm NAME ends the history of the name.",
        ],
        positionals: [nameWord], options: [namesFlag.form],
        examples: [
            .init("cake history mistral-ft", "the versions of one name"),
            .init("cake diff mistral-ft@26bca36 mistral-ft", "what the last pull changed"),
            .init("cake tag mistral-ft@26bca36", "bring one back"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        showsNamesOnly = arguments.has(Self.namesFlag)
    }
}

extension HistoryCommand {
    func run(in session: Session) async throws {
        let found: [(store: LocalStore, named: LocalStore.Named)]
        if names.isEmpty {
            let store = try session.existingStore()
            found =
                try store.map { store in
                    try store.allNames().filter { !$0.record.replaced.isEmpty }.map { (store, $0) }
                } ?? []
        } else {
            found = try session.findNames(names)
        }
        let histories = try found.map { store, named in
            HistorySummary.History(name: named.name, versions: try store.versions(of: named))
        }
        session.show(HistorySummary(histories: histories, showsNamesOnly: showsNamesOnly))
    }
}
