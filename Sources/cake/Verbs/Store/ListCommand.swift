import Model
import Platform
import Store

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
                + "much of that it alone holds (what removing it would free), and how much it shares with others. What "
                + "its tensors are deltas of counts as its own, too; DELTAS is what they spare."
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
        guard let store = try session.existingStore() else { return show([], in: session) }
        if showsNamesOnly, !session.settings.isJSON, order == .name, filters.isEmpty {
            return try showNames(of: store, in: session)
        }
        var usage = try Usage(of: store)
        for lower in store.lower { usage.add(try Usage(of: lower), from: lower.layout.root) }
        var models = usage.models
        let glob = try pattern.map { text throws(CakeError) in try Glob(session.settings.pulledPattern(text)) }
        let now = Machine.now
        models = models.filter { model in
            (glob?.matches(model.named.name.string) ?? true) && filters.allSatisfy { $0.admits(model, now: now) }
        }
        models.sort(by: isBefore)
        if isReversed { models.reverse() }
        show(limit.map { Array(models.prefix($0)) } ?? models, in: session)
        if let first = usage.damaged.first {
            let others = usage.damaged.count > 1 ? ", and \(usage.damaged.count - 1) more" : ""
            throw CakeError(first.error.kind, "\(first.named.name): \(first.error.what)\(others)", fix: first.error.fix)
        }
    }

    /// Names alone need no manifest.
    private func showNames(of store: LocalStore, in session: Session) throws(CakeError) {
        let glob = try pattern.map { text throws(CakeError) in try Glob(session.settings.pulledPattern(text)) }
        var names = try store.allNames().map(\.name).filter { glob?.matches($0.string) ?? true }
        if isReversed { names.reverse() }
        session.output.lines((limit.map { Array(names.prefix($0)) } ?? names).map(\.description))
    }

    private func isBefore(_ left: Usage.Model, _ right: Usage.Model) -> Bool {
        switch order {
        case .name: left.named.name < right.named.name
        case .size: (right.size, left.named.name) < (left.size, right.named.name)
        case .rest: (right.atRest, left.named.name) < (left.atRest, right.named.name)
        case .date: (right.named.record.time ?? 0, left.named.name) < (left.named.record.time ?? 0, right.named.name)
        case .tensors: (right.tensors, left.named.name) < (left.tensors, right.named.name)
        }
    }

    private func show(_ models: [Usage.Model], in session: Session) {
        session.show(
            ModelList(
                models: models, showsNamesOnly: showsNamesOnly, isFiltered: pattern != nil || !filters.isEmpty))
    }
}

extension ModelFilter {
    func admits(_ model: Usage.Model, now: Int) -> Bool {
        let age = Duration.seconds(now - (model.named.record.time ?? 0))
        return switch self {
        case .pinned(let isPinned): model.named.record.isPinned == isPinned
        case .larger(let bytes): model.size > bytes
        case .smaller(let bytes): model.size < bytes
        case .newer(let limit): age < limit
        case .older(let limit): age > limit
        }
    }
}
