import Model
import Store

struct HistoryCommand: Verb {
    let names: [String]

    private static let nameWord = Positional(
        "NAME", .any, .model, "models in the store; without one, all that had another version before")

    static let command = Command(
        Self.self, "history", aliases: ["snapshots", "versions"], for: .look, "list the versions that a name had",
        about: [
            "Each import, pull or tag that gives a name another model leaves a version behind. cake gc keeps that for a "
                + "day after it was replaced, so cake tag NAME@ID can bring it back. Layers that other models need stay "
                + "longer.",
            "cake export, inspect, diff, cat and verify take NAME@ID, too. cake rm NAME ends the history of the name.",
        ],
        positionals: [nameWord],
        examples: [
            .init("cake history mistral-ft", "the versions of one name"),
            .init("cake diff mistral-ft@26bca36 mistral-ft", "what the last pull changed"),
            .init("cake tag mistral-ft@26bca36", "bring one back"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
    }
}

extension HistoryCommand {
    func run(in session: Session) async throws {
        guard names.isEmpty else {
            return session.show(HistorySummary(histories: try session.findNames(names).map(history)))
        }
        guard let store = try session.existingStore() else { return session.show(HistorySummary(histories: [])) }
        let named = try store.allNames().filter { !$0.record.replaced.isEmpty }
        session.show(HistorySummary(histories: try named.map { try history(of: $0, in: store) }))
    }

    private func history(_ found: (store: LocalStore, named: LocalStore.Named)) throws -> HistorySummary.History {
        try history(of: found.named, in: found.store)
    }

    private func history(of named: LocalStore.Named, in store: LocalStore) throws -> HistorySummary.History {
        HistorySummary.History(name: named.name, versions: try store.versions(of: named))
    }
}
