import Model
import Remote
import Store

struct SearchCommand: Verb {
    let words: [String]
    let limit: Int

    private static let wordsWord = Positional("WORDS", .some, .nothing, "words of the name")
    private static let limitOption = Option.count("limit", short: "n", "show at most N models (default 20)")

    static let command = Command(
        Self.self, "search", for: .look, "search the Hub for models",
        about: [
            "Lists models in the order of the Hub. HERE marks models that the store has: pulled at any revision, or imported "
                + "under their name on the Hub. cake inspect shows more of the others without a pull."
        ],
        positionals: [wordsWord], options: [limitOption.form],
        examples: [
            .init("cake search mistral instruct", "both words"),
            .init("cake search bert --limit 5 --json", "for a script"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        words = arguments.words(Self.wordsWord)
        limit = try arguments.value(of: Self.limitOption) ?? 20
        guard limit > 0 else {
            throw CakeError(.usage, "--limit has to be at least 1", fix: "cake search WORDS --limit 20")
        }
    }
}

extension SearchCommand {
    func run(in session: Session) async throws {
        let source = try session.hub(for: "cake search")
        let found = try await source.search(words.joined(separator: " "), limit: limit)
        let named = try session.existingStore()?.allNames() ?? []
        session.show(
            SearchResults(
                words: words, hub: source.routes, found: found, sources: Set(named.compactMap(\.record.source)),
                names: Set(named.map(\.name.withoutRevision))))
    }
}
