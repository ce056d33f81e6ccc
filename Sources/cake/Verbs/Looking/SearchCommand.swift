import Model
import Platform
import Remote
import Store
import Transfer

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
        let here = try sources(in: try session.existingStore())
        func isHere(_ info: HubInfo) -> Bool { here.contains("hf://" + info.id) }
        if session.settings.isJSON {
            return session.show(.array(found.map { document($0, isHere: isHere($0)) }))
        }
        guard !found.isEmpty else {
            return session.reporter.note("\(source.routes) finds no model for \(words.joined(separator: " "))")
        }
        session.show(Self.table(found, isHere: isHere))
    }

    static func table(_ found: [HubInfo], isHere: (HubInfo) -> Bool) -> Table {
        var table = Table([
            .init(title: "NAME", importance: 9, leastWidth: 14),
            .init(title: "DOWNLOADS", alignment: .right, importance: 6),
            .init(title: "LIKES", alignment: .right, importance: 4), .init(title: "TASK", importance: 3, leastWidth: 8),
            .init(title: "ACCESS", importance: 7), .init(title: "HERE", importance: 8),
        ])
        for info in found {
            let access = info.isPrivate ? "private" : info.gate == .open ? "" : "gated"
            table.add([
                Table.Cell(info.id, .strong), Table.Cell(info.downloads.map(Quantities.count) ?? ""),
                Table.Cell(info.likes.map(Quantities.count) ?? ""), Table.Cell(info.task ?? ""),
                Table.Cell(access, .careful), isHere(info) ? Table.Cell("yes", .good) : "",
            ])
        }
        return table
    }

    /// Where the models in the store came from.
    private func sources(in store: LocalStore?) throws(CakeError) -> Set<String> {
        guard let store else { return [] }
        return Set(try store.names().compactMap(\.record.source))
    }

    private func document(_ info: HubInfo, isHere: Bool) -> JSONValue {
        func number(_ value: UInt64?) -> JSONValue { value.map { JSONValue($0) } ?? .null }
        return [
            "name": JSONValue(info.id), "downloads": number(info.downloads), "likes": number(info.likes),
            "task": JSONValue(info.task), "private": .bool(info.isPrivate),
            "gated": info.gate == .open ? false : JSONValue(info.gate.rawValue), "in_store": .bool(isHere),
        ]
    }
}
