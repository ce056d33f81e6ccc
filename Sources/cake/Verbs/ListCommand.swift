import Model

struct ListCommand: Verb {
    enum Order: String, CaseIterable, Sendable { case name, size, rest, date, tensors }

    /// A glob on names.
    let pattern: String?
    /// Names from a to z; everything else the largest or newest first.
    let order: Order
    let isReversed: Bool
    let limit: Int?
    /// A model is shown when all of them fit.
    let filters: [ModelFilter]
    /// Nothing but names, one on a line.
    let showsNamesOnly: Bool

    private static let patternWord = Positional("PATTERN", .optional, .model, "a name, or a glob on names")
    private static let sort = Option<Order>.choice("sort", short: "s", "KEY", "what to sort by (rest: size at rest)")
    private static let reverse = Flag("reverse", "the other way round")
    private static let limitOption = Option.count("limit", short: "n", "at most so many models")
    private static let filter = Option("filter", "FILTER", ModelFilter.help, read: ModelFilter.read).repeatable
    private static let names = Flag("names", "only names, one on a line; so does --quiet")

    static let command = Command(
        Self.self, "ls", aliases: ["list", "images"], for: .look, "list the models in the store",
        about: [
            "For each model: its files, tensors and parameters, how large its files are, what they take at rest, how "
                + "much of that it alone holds (what removing it would free), and how much it shares with others."
        ],
        positionals: [patternWord],
        options: [sort.form, reverse.form, limitOption.form, filter.form, names.form],
        examples: [
            .init("cake ls", "all models"),
            .init("cake ls 'mistral*' --sort rest", "some, the largest at rest first"),
            .init("cake ls --filter older=90d --filter pinned=no", "what nobody has touched in three months"),
            .init("cake ls --json", "for a script"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        pattern = arguments.words(Self.patternWord).first
        order = try arguments.value(of: Self.sort) ?? .name
        isReversed = arguments.has(Self.reverse)
        limit = try arguments.value(of: Self.limitOption)
        filters = try arguments.values(of: Self.filter)
        showsNamesOnly = arguments.has(Self.names) || arguments.has(GlobalOptions.quiet)
    }
}

extension ListCommand {
    func run(in session: Session) async throws {
        throw CakeError(.failed, "cake ls is not there yet")
    }
}
