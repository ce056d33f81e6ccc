import Model
import Remote
import Store

struct SearchCommand: Verb {
    let words: [String]
    let limit: Int

    private static let wordsWord = Positional("WORDS", .some, .nothing, "what its name should have in it")
    private static let limitOption = Option.count("limit", short: "n", "at most so many models (20)")

    static let command = Command(
        Self.self, "search", for: .look, "look for models on the Hub",
        about: [
            "In the order in which the Hub gives them. HERE are those of which some revision is in the store; the others come "
                + "with cake pull, and cake inspect looks at them without fetching."
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
            throw CakeError(.usage, "--limit: nothing is found in 0 models", fix: "write it like 20")
        }
    }
}

extension SearchCommand {
    func run(in session: Session) async throws {
        let source = try session.hub(for: "cake search")
        let found = try await source.search(words.joined(separator: " "), limit: limit)
        let sources = try session.existingStore()?.names().compactMap(\.record.source) ?? []
        session.show(SearchResults(words: words, hub: source.routes, found: found, sources: Set(sources)))
    }
}
