import Model
import Platform
import Store
import Transfer

struct PullCommand: Verb {
    let names: [String]
    let revision: String?
    let included: [String]
    let excluded: [String]
    let takesAll: Bool
    let token: String?
    let kind: HubRepository.Kind
    let mostConnections: Int?
    let bytesPerSecond: UInt64?
    let localFolder: String?
    let isForced: Bool
    let usesCache: Bool
    let isDryRun: Bool

    private static let nameWord = Positional("NAME", .some, .model, "org/name[@revision], a short name, or a Hub URL")
    private static let revisionOption = Option.text("revision", "REVISION", "a branch, a tag or a commit")
    private static let include = Option.text("include", "GLOB", "only files that fit; may be repeated").repeatable
    private static let exclude = Option.text("exclude", "GLOB", "no files that fit; may be repeated").repeatable
    private static let all = Flag("all", "every file, also weights of the same model in other formats")
    private static let tokenOption = Option.text("token", "TOKEN", "instead of HF_TOKEN or the one that cake login kept")
    private static let kindOption = Option<HubRepository.Kind>.choice("repo-type", "KIND", "what the name is of")
    private static let workers = Option.count("max-workers", "at most so many connections")
    private static let rate = Option<UInt64>("limit-rate", "BYTES", "at most so much in a second, such as 20MB", read: Quantities.readBytes)
    private static let local = Option.text("local-dir", "DIR", "then export the files there")
    private static let force = Flag("force-download", "fetch everything again, whatever is here")
    private static let noCache = Flag("no-hf-cache", "do not take files from a Hugging Face cache on this disk")
    private static let dryRun = Flag("dry-run", "say what would be fetched, fetch nothing")

    static let command = Command(
        Self.self, "pull", for: .move, "bring a model from the Hub, only what is not here",
        about: [
            "Files that are in the store under any name are not fetched again. What is fetched is checked against the "
                + "SHA-256 that the Hub published, and only then gets its name. Stopped at any moment, the same command "
                + "goes on at the byte where it was.",
            "Where a repository has the same weights in several formats, safetensors are taken and the others named; "
                + "--all takes everything. HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE are honoured.",
        ],
        positionals: [nameWord],
        options: [
            revisionOption.form, include.form, exclude.form, all.form, tokenOption.form, kindOption.form, workers.form,
            rate.form, local.form, force.form, noCache.form, dryRun.form,
        ],
        examples: [
            .init("cake pull mistral-7b", "by its short name"),
            .init("cake pull org/name@v2 --local-dir ./model", "a tag, and its files beside"),
            .init("cake pull org/name --include '*.json'", "some of its files"),
        ],
        whenInterrupted: "what was fetched is kept; the same command goes on from there")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        revision = try arguments.value(of: Self.revisionOption)
        included = try arguments.values(of: Self.include)
        excluded = try arguments.values(of: Self.exclude)
        takesAll = arguments.has(Self.all)
        token = try arguments.value(of: Self.tokenOption)
        kind = try arguments.value(of: Self.kindOption) ?? .model
        mostConnections = try arguments.value(of: Self.workers)
        bytesPerSecond = try arguments.value(of: Self.rate)
        localFolder = try arguments.value(of: Self.local)
        isForced = arguments.has(Self.force)
        usesCache = !arguments.has(Self.noCache)
        isDryRun = arguments.has(Self.dryRun)
    }
}

extension PullCommand {
    func run(in session: Session) async throws {
        let hub = try HubRoutes(endpoint: session.environment["HF_ENDPOINT"] ?? HubRoutes.standardEndpoint)
        let client = try HTTPClient(HTTPSettings(userAgent: "cake/\(CommandTable.version)"))
        let text = token ?? session.environment["HF_TOKEN"]
        let token = try text.map { text throws(CakeError) in try HubToken(text) }
        let source = HubSource(hub, token: token, client: client)
        let store = try session.openStore()
        for name in names {
            guard case .hub(let typed) = try Reference(name, hub: hub) else {
                throw CakeError(.usage, "\(Printable.escape(name)) is not a name on the Hub", fix: "cake import takes folders")
            }
            let reference = try typed.at(revision)
            let progress = Progress("pulling \(reference.storeName)")
            var options = Pull.Options()
            options.isForced = isForced
            options.bytesPerSecond = bytesPerSecond
            if let mostConnections { options.mostConnections = mostConnections }
            let pull = Pull(from: source, into: store, progress: progress, options: options)
            let start = ContinuousClock.now
            let report = try await session.reporter.show(progress) {
                let snapshot = try await source.snapshot(of: reference)
                return try await pull(snapshot, snapshot.files, as: try ModelName(reference.storeName)) { path in
                    session.reporter.note("waiting for another cake that is fetching \(path)")
                }
            }
            if !session.settings.isQuiet {
                let elapsed = ContinuousClock.now - start
                session.output.line("pulled \(report.name) \(report.commit.prefix(7)): \(Quantities.bytes(report.bytes)), fetched \(Quantities.bytes(report.bytesFetched)), \(Quantities.bytes(report.bytesStored)) at rest, in \(Quantities.duration(elapsed))")
            }
        }
    }
}
