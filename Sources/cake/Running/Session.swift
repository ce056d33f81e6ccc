import Model
import Platform
import Store

/// What a verb works with: the settings, the streams, and someone to tell how far it is.
struct Session: Sendable {
    let settings: Settings
    let environment: Environment
    let terminal: Terminal
    /// Results. Everything else goes through `reporter`.
    let output: StandardOutput
    let errors: StandardError
    let input: StandardInput
    let reporter: Reporter
    /// Where disk, hashing and coding happen.
    let pool: BlockingPool
    /// Takes the documents of a verb for several names, to be shown as one; nil when each is shown as it comes.
    private var summaries: Summaries?

    init(_ settings: Settings, _ environment: Environment) {
        self.settings = settings
        self.environment = environment
        terminal = Terminal(environment, refusesColour: settings.refusesColour)
        output = StandardOutput(isTerminal: terminal.isTerminal(.output))
        errors = StandardError()
        input = StandardInput()
        reporter = Reporter(settings, terminal, errors)
        pool = BlockingPool(threads: BlockingPool.processors + 2)
    }

    /// A command run by another: settings and environment of its own, on the same terminal and threads.
    init(_ settings: Settings, _ environment: Environment, within outer: Session, output: StandardOutput) {
        self.settings = settings
        self.environment = environment
        self.output = output
        terminal = outer.terminal
        errors = outer.errors
        input = outer.input
        reporter = Reporter(settings, outer.terminal, outer.errors)
        pool = outer.pool
    }

    /// Colours for standard output.
    var style: Style { Style(isOn: terminal.allowsColour(.output)) }

    /// For text on standard output.
    var page: Page {
        Page(width: terminal.proseWidth(.output), style: style, tableWidth: terminal.width(.output))
    }

    /// The store, made if there is none.
    func openStore() throws(CakeError) -> LocalStore {
        try LocalStore(at: settings.storePath(), pool: pool, lower: settings.lowerPaths())
    }

    /// The store, for a verb that reads it and needs nothing of it: nil when there is none.
    func existingStore() throws(CakeError) -> LocalStore? {
        // What lies below is read through it: then there has to be one.
        if try !settings.lowerPaths().isEmpty { return try openStore() }
        let path = try settings.storePath()
        return try LocalStore.exists(at: path) ? LocalStore(at: path, pool: pool) : nil
    }

    /// The store, for a verb that reads nothing else: nil when none was made yet. A folder that was chosen has to hold
    /// one: a misspelled folder is not an empty store.
    func storeToRead() throws(CakeError) -> LocalStore? {
        if let store = try existingStore() { return store }
        let place = try settings.storePlace()
        let shown = Printable.escape(place.path)
        guard let status = try Disk.status(place.path) else {
            guard let choice = place.choice else { return nil }
            throw CakeError(
                .notFound, "there is no store in \(shown): the folder does not exist",
                fix: "check \(choice); cake pull and cake import make a store there")
        }
        if status.kind == .folder, try LocalStore.isUnused(place.path) { return nil }
        throw CakeError(
            .notFound, status.kind == .folder ? "\(shown) holds other files, and no store" : "\(shown) is no folder",
            fix: "check \(place.choice ?? "what is there"), or name another folder: --store DIR")
    }

    /// A model in the store.
    func find(_ name: String, revision: String? = nil) throws(CakeError) -> (store: LocalStore, named: LocalStore.Named)
    {
        guard let store = try storeToRead() else {
            throw CakeError(
                .notFound, "no model \"\(Printable.escape(name))\": the store is empty",
                fix: "cake pull NAME or cake import PATH stores a model")
        }
        return (store, try settings.stores.find(name, revision: revision, in: store))
    }

    /// Whether the store has a model of this name.
    func has(_ name: String) -> Bool { (try? find(name)) != nil }

    /// Models in the store, each once, in the order in which they were first named.
    func find(each names: [String]) throws(CakeError) -> [(store: LocalStore, named: LocalStore.Named)] {
        var seen: Set<ModelName> = []
        var found: [(store: LocalStore, named: LocalStore.Named)] = []
        for name in names {
            let one = try find(name)
            if seen.insert(one.named.name).inserted { found.append(one) }
        }
        return found
    }

    /// One JSON document on standard output.
    func show(_ document: JSONValue) {
        if let summaries { return summaries.add(document) }
        output.line(document.text(.indented))
    }

    /// Runs the same for each of several names. With --json their documents become one array; one name alone gives its own.
    func forEach(_ names: [String], _ work: (String, Session) async throws -> Void) async throws {
        if names.count == 1 { return try await work(names[0], self) }
        let summaries = Summaries(in: self)
        var session = self
        session.summaries = settings.isJSON ? summaries : nil
        for (number, name) in names.enumerated() {
            if number > 0, !settings.isQuiet { tell("") }
            try await work(name, session)
        }
        summaries.end()
    }

    /// One JSON document whose last member is a long array: its elements are made and written one by one, so that ninety
    /// thousand of them take no memory.
    func show(_ document: JSONObject, _ key: String, _ elements: some Sequence<JSONValue>) {
        var document = document
        if summaries != nil {
            document.append(key, .array(Array(elements)))
            return show(.object(document))
        }
        document.append(key, [])
        let text = JSONValue.object(document).text(.indented)
        // It ends with the empty array and the brace.
        output.write(String(text.dropLast("]\n}".count)))
        var separator = "\n    "
        for element in elements {
            output.write(separator + element.text(.indented, level: 2))
            separator = ",\n    "
        }
        output.write(separator == "\n    " ? "]\n}\n" : "\n  ]\n}\n")
    }

    /// Asks before something that cannot be taken back. Without a person to ask, the answer is no.
    func confirms(_ question: String) async throws -> Bool {
        guard terminal.isTerminal(.input), terminal.isTerminal(.errors) else { return false }
        errors.write("\(Printable.escape(question)) [y/N] ")
        guard let answer = try await input.line() else { return false }
        return ["y", "yes"].contains(answer.lowercased())
    }
}
