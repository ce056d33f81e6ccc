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
        guard let store = try session.existingStore() else { return try show([], in: session) }
        if showsNamesOnly, order == .name, filters.isEmpty { return try showNames(of: store, in: session) }
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
        try show(limit.map { Array(models.prefix($0)) } ?? models, in: session)
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

    private func show(_ models: [Usage.Model], in session: Session) throws(CakeError) {
        if session.settings.isJSON { return session.show(.array(models.map(document))) }
        if showsNamesOnly { return session.output.lines(models.map(\.named.name.description)) }
        guard !models.isEmpty else {
            let isFiltered = pattern != nil || !filters.isEmpty
            return session.reporter.note(
                isFiltered ? "no model fits" : "the store is empty; cake import PATH puts a model in")
        }
        let hasDeltas = models.contains { $0.spared > 0 }
        var columns: [Table.Column] = [
            .init(title: "NAME", importance: 9, leastWidth: 12),
            .init(title: "FILES", alignment: .right, importance: 2),
            .init(title: "TENSORS", alignment: .right, importance: 3),
            .init(title: "PARAMS", alignment: .right, importance: 6),
            .init(title: "SIZE", alignment: .right, importance: 8),
            .init(title: "AT REST", alignment: .right, importance: 7),
            .init(title: "ALONE", alignment: .right, importance: 5),
            .init(title: "SHARED", alignment: .right, importance: 4),
        ]
        let hasOthers = models.contains { $0.named.place != nil }
        if hasOthers { columns.append(.init(title: "IN", importance: 2, leastWidth: 8, keepsEnd: true)) }
        if hasDeltas { columns.append(.init(title: "DELTAS", alignment: .right, importance: 4)) }
        var table = Table(columns + [.init(title: "AGE", alignment: .right, importance: 1)])
        let now = Machine.now
        for model in models {
            let record = model.named.record
            let pin = (record.isPinned ? " (pinned)" : "") + (record.isPartial ? " (partial)" : "")
            var cells: [Table.Cell] = [
                Table.Cell(model.named.name.string + pin, .strong), "\(model.files)", "\(model.tensors)",
                Table.Cell(Quantities.count(model.parameters)), Table.Cell(Quantities.bytes(model.size)),
                Table.Cell(Quantities.bytes(model.atRest)), Table.Cell(Quantities.bytes(model.alone)),
                Table.Cell(Quantities.bytes(model.shared)),
            ]
            if hasOthers { cells.append(Table.Cell(model.named.place ?? "")) }
            if hasDeltas { cells.append(Table.Cell(model.spared > 0 ? "-" + Quantities.bytes(model.spared) : "")) }
            cells.append(Table.Cell(model.named.record.time.map { Quantities.age(.seconds(now - $0)) } ?? "", .faint))
            table.add(cells)
        }
        session.show(table)
    }

    private func document(_ model: Usage.Model) -> JSONValue {
        let record = model.named.record
        return [
            "name": JSONValue(model.named.name.string), "manifest": JSONValue(record.manifest.hex),
            "files": JSONValue(model.files), "tensors": JSONValue(model.tensors),
            "parameters": JSONValue(model.parameters), "bytes": JSONValue(model.size),
            "bytes_at_rest": JSONValue(model.atRest), "bytes_alone": JSONValue(model.alone),
            "bytes_shared": JSONValue(model.shared),
            "bytes_spared_by_deltas": JSONValue(model.spared), "pinned": .bool(record.isPinned),
            "partial": .bool(record.isPartial),
            "time": record.time.map { JSONValue($0) } ?? .null, "source": JSONValue(record.source),
            "store": JSONValue(model.named.place), "revision": JSONValue(record.revision),
            "commit": JSONValue(record.commit),
        ]
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
