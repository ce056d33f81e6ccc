import Model
import Platform
import Store
import Transfer

struct ImportCommand: Verb {
    let path: String
    /// Without one, the file's or folder's name is taken.
    let name: String?
    let replacesName: Bool
    let isLenient: Bool
    let followsLinks: Bool
    /// The model that this one was made from.
    let base: String?
    let usesDeltas: Bool
    let isDryRun: Bool

    private static let pathWord = Positional("PATH", .one, .path, "a model's folder, a file, or an HF cache")
    private static let nameWord = Positional("NAME", .optional, .nothing, "what to call it")
    private static let lenient = Flag("lenient", "keep files that are not valid safetensors as plain bytes")
    private static let follow = Flag("follow-symlinks", "follow links that lead out of the folder")
    private static let dryRun = Flag("dry-run", "read everything, say what would be stored, store nothing")

    static let command = Command(
        Self.self, "import", aliases: ["add"], for: .move, "put a model from this disk into the store",
        about: [
            "PATH is a safetensors file, an archive that cake export --format fast wrote, a model's folder, one snapshot of a Hugging Face cache, or the whole cache. Every tensor "
                + "becomes a layer named by what is in it, so a tensor that is already here, in whatever model, file or "
                + "shard, takes no room again.",
            "A new tensor is stored as what differs from one of the same dtype and shape, where that is smaller: of the "
                + "model given with --base, or named in the model's card or adapter, or else of one here that has the "
                + "same tensors.",
            "A name that leads to another model stays with it: import says what is there, and --force moves the name. A "
                + "model from the same folder or repository is an update: it takes the place of the earlier one.",
            "Links inside the folder, and from a cache's snapshot to its blobs, are resolved. A link that leads "
                + "elsewhere is refused without --follow-symlinks. The files themselves stay as they are.",
        ],
        positionals: [pathWord, nameWord],
        options: [
            PullOptions.replacing.form, lenient.form, follow.form, PullOptions.baseOption.form,
            PullOptions.noDelta.form,
            dryRun.form,
        ],
        examples: [
            .init("cake import ./mistral-ft mistral-ft", "a folder, under a name"),
            .init("cake import model.safetensors", "one file, called model"),
            .init("cake import model.pt back", "what cake export --format fast wrote"),
            .init("cake import ~/.cache/huggingface/hub", "every model of a Hugging Face cache"),
            .init("cake import ./mistral-ft --dry-run", "what it would add to the store"),
        ],
        whenInterrupted: "what is stored is kept; the same command goes on from there")

    init(_ arguments: Arguments) throws(CakeError) {
        path = try arguments.word(Self.pathWord)
        name = arguments.words(Self.nameWord).first
        replacesName = arguments.has(PullOptions.replacing)
        isLenient = arguments.has(Self.lenient)
        followsLinks = arguments.has(Self.follow)
        base = try arguments.value(of: PullOptions.baseOption)
        usesDeltas = !arguments.has(PullOptions.noDelta)
        isDryRun = arguments.has(Self.dryRun)
    }
}

extension ImportCommand {
    func run(in session: Session) async throws {
        let wanted = try name.map { text throws(CakeError) in try ModelName(text) }
        if let wanted, !replacesName { try session.settings.refuseAlias(wanted.string, for: wanted) }
        if try ArchiveFile.isOne(path) { return try await runArchive(wanted, in: session) }
        let candidates = try ImportPath(path, name: wanted, followingAllLinks: followsLinks).candidates
        let store = try session.openStore()
        var bases = usesDeltas ? Import.Bases.found : .none
        if let base {
            let found = try store.find(session.settings.pulledName(base) ?? base, alias: Aliases.hubID(of: base)).name
            if usesDeltas { bases = .of(found) }
        }
        var summaries = Summaries(in: session)
        var refused: [CakeError] = []
        for candidate in candidates {
            do {
                summaries.show(
                    try await run(candidate.name, into: store, bases: bases, in: session) { try await $0(candidate) })
            } catch let error as CakeError where error.kind == .failed && candidates.count > 1 {
                // The others of a cache have names of their own.
                session.reporter.note(error.what)
                refused.append(error)
            }
        }
        summaries.end()
        if let first = refused.first {
            throw CakeError(
                .failed, "\(refused.count) of \(candidates.count) models were not imported",
                fix: first.fix ?? "import them one by one")
        }
    }

    /// What `cake export --format fast` wrote.
    private func runArchive(_ wanted: ModelName?, in session: Session) async throws {
        let archive = try ArchiveFile(path)
        let store = try session.openStore()
        let name = try wanted ?? archive.name
        var summaries = Summaries(in: session)
        summaries.show(try await run(name, into: store, in: session) { try await $0(archive, as: name) })
        summaries.end()
    }

    private func run(
        _ name: ModelName, into store: LocalStore, bases: Import.Bases = .none, in session: Session,
        _ work: (Import) async throws -> Import.Report
    ) async throws -> ImportSummary {
        try refusePinned(name, in: store)
        let progress = Progress("importing \(name)")
        let start = ContinuousClock.now
        let importing = Import(
            into: store, progress: progress, isLenient: isLenient, bases: bases, isDryRun: isDryRun,
            replacesName: replacesName)
        let report = try await session.reporter.show(progress) { try await work(importing) }
        for complaint in report.complaints {
            session.reporter.note("kept as plain bytes: \(complaint.what)")
        }
        session.tell(baseTroubles: report.baseTroubles)
        return ImportSummary(report: report, isDryRun: isDryRun, elapsed: .now - start)
    }

    private func refusePinned(_ name: ModelName, in store: LocalStore) throws(CakeError) {
        guard !replacesName, let record = try store.record(of: name), record.isPinned else { return }
        throw CakeError(.failed, "\(name) is pinned", fix: "cake unpin \(name), or use --force")
    }
}
