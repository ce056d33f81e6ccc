import Model
import Platform
import Store

struct ListCommand: Verb {
    enum Order: String, CaseIterable, Sendable { case name, size, rest, date, tensors }

    /// Names, or globs on names.
    let patterns: [String]
    /// Names from a to z; everything else the largest or newest first.
    let order: Order
    let isReversed: Bool
    let limit: Int?
    /// A model is shown when all of them fit.
    let filters: [ModelFilter]
    /// Nothing but names, one on a line.
    let showsNamesOnly: Bool
    let isLong: Bool
    let format: ListFormat?

    private static let patternWord = Positional(
        "NAME", .any, .model, "a name, NAME@ID, or a pattern such as 'mistral*'")
    private static let long = Flag("long", short: "l", "more columns, exact numbers, dates and origin")
    private static let formatOption = Option(
        "format", "FIELDS", "only these fields: name,id,size or '{{.Name}} {{.ID}}', or json", read: ListFormat.read)
    private static let sort = Option<Order>.choice("sort", short: "s", "KEY", "the order (rest: size at rest)")
    private static let reverse = Flag("reverse", short: "r", "the reverse order")
    private static let limitOption = Option.count("limit", short: "n", "at most this many models")
    private static let filter = Option(
        "filter", "FILTER", completing: .words(ModelFilter.beginnings), ModelFilter.help, read: ModelFilter.read
    ).repeatable
    private static let names = Flag("names", "only names, one on a line; --quiet does the same")

    static let command = Command(
        Self.self, "ls", aliases: ["list", "images"], for: .look, "list the models in the store",
        about: [
            "For each model: ID is the beginning of its manifest's digest, and every command takes it instead of a name. "
                + "SIZE is the size of its files, AT REST is what it takes on the disk. ALONE is what no other model shares: "
                + "cake rm and cake gc would free about that much. SHARED is the rest. A model's bases count as part of it. DELTAS "
                + "is what it saves because tensors are stored as deltas.",
            "A model marked (partial) lacks some of its files or tensors: cake inspect NAME says which. One without an ID is still "
                + "being pulled, or its pull was interrupted: cake pull NAME resumes. NAME@ID is a version of cake history. A "
                + "narrow terminal shows fewer columns; a pipe gets all of them.",
            "Fields for --format: \(ModelField.allCases.map(\.rawValue).joined(separator: ", ")). Their values are those of "
                + "the table, and exact with --long. Dates are in UTC.",
        ],
        positionals: [patternWord],
        options: [
            long.form, sort.form, reverse.form, limitOption.form, filter.form, names.form, formatOption.form,
        ],
        examples: [
            .init("cake ls", "all models"),
            .init("cake ls 'mistral*' --sort rest", "some models, the largest at rest first"),
            .init("cake ls -l", "exact numbers, dates and origin"),
            .init("cake ls --filter older=90d --filter pinned=no", "models that are older than three months"),
            .init("cake ls --format name,id,size", "three fields, separated by tabs"),
            .init("cake ls --json", "for a script"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        patterns = arguments.words(Self.patternWord)
        order = try arguments.value(of: Self.sort) ?? .name
        isReversed = arguments.has(Self.reverse)
        limit = try arguments.value(of: Self.limitOption)
        filters = try arguments.values(of: Self.filter)
        format = try arguments.value(of: Self.formatOption)
        isLong = arguments.has(Self.long)
        showsNamesOnly =
            arguments.has(Self.names) || arguments.has(GlobalOptions.quiet) && format == nil && !isLong
        if arguments.has(Self.names), format != nil || isLong {
            throw CakeError(
                .usage, "--names cannot be used with \(isLong ? "--long" : "--format")", fix: "leave out --names")
        }
    }
}

extension ListCommand {
    func run(in session: Session) async throws {
        guard let store = try session.storeToRead() else {
            if let word = patterns.first(where: { !Glob.isPattern($0) }) { _ = try session.find(word) }
            return show([], in: session)
        }
        let (wanted, versions) = try wanted(in: session)
        if showsNamesOnly, !session.settings.isJSON, order == .name, filters.isEmpty {
            // Names alone need no manifest.
            var names = try store.allNames().map(\.name).filter(wanted) + versions.map(\.name)
            if isReversed { names.reverse() }
            return session.output.lines((limit.map { Array(names.prefix($0)) } ?? names).map(\.description))
        }
        let usage = try Usage(ofAll: store, and: versions)
        let now = Machine.now
        let unfinished = showsNamesOnly ? [] : try store.unfinishedPulls()
        var models = (usage.models + unfinished).filter { wanted($0.named.name) } + usage.others
        models = models.filter { model in filters.allSatisfy { $0.admits(model, now: now) } }
        models.sort(by: isBefore)
        if isReversed { models.reverse() }
        show(limit.map { Array(models.prefix($0)) } ?? models, in: session)
        if let error = usage.failure(of: wanted) { throw error }
    }

    /// Whether a name was asked for, and what was asked for that has no name of its own: earlier versions, and models without
    /// a name. A word that is no pattern has to be a model here.
    private func wanted(
        in session: Session
    ) throws(CakeError) -> (isWanted: (ModelName) -> Bool, versions: [LocalStore.Named]) {
        guard !patterns.isEmpty else { return ({ _ in true }, []) }
        var globs: [Glob] = []
        var names: Set<ModelName> = []
        var versions: [LocalStore.Named] = []
        let unfinished = try session.existingStore()?.unfinishedPulls().map(\.named.name) ?? []
        for word in patterns {
            if Glob.isPattern(word) {
                globs.append(try Glob(session.settings.pulledPattern(word)))
                continue
            }
            if !showsNamesOnly, let name = unfinished.first(where: { $0.string == word }) {
                names.insert(name)
                continue
            }
            let (_, named) = try session.find(word)
            if named.isNameless {
                if !versions.contains(where: { $0.name == named.name }) { versions.append(named) }
            } else {
                names.insert(named.name)
            }
        }
        let isWanted = { [globs, names] (name: ModelName) in
            names.contains(name) || globs.contains { $0.matches(name.string) }
        }
        return (isWanted, versions)
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
                models: models, showsNamesOnly: showsNamesOnly, isLong: isLong, format: format,
                isFiltered: !patterns.isEmpty || !filters.isEmpty, now: Machine.now))
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
