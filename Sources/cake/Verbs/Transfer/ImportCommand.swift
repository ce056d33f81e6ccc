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

    private static let pathWord = Positional("PATH", .one, .path, "a folder, a file, or a Hugging Face cache")
    private static let nameWord = Positional(
        "NAME", .optional, .nothing, "the name in the store; without one, the name of the file or folder")
    private static let lenient = Flag("lenient", "store invalid safetensors files as plain bytes")
    private static let follow = Flag("follow-symlinks", "follow symlinks that leave the folder")
    private static let dryRun = Flag("dry-run", "show what would be stored, store nothing")

    static let command = Command(
        Self.self, "import", aliases: ["add"], for: .move, "store a model from this disk",
        about: [
            "PATH is a safetensors or GGUF file, an archive from cake export --format fast, the folder of a model, one snapshot of a "
                + "Hugging Face cache, or the whole cache. Each tensor becomes a layer, named by the SHA-256 of its bytes. A tensor "
                + "that any model, file or shard in the store has already takes no more space.",
            "A slightly changed tensor is stored as a delta against its base, where that is smaller. The base comes from the model "
                + "given with --base, the model named in the card or adapter, or else a model here with the same tensors.",
            "If another model has NAME, import fails; --force moves the name. A model from the same folder or repository is a new "
                + "version of the name (cake history).",
            "Symlinks inside the folder, and from a snapshot to the blobs of its cache, are followed. Other symlinks need "
                + "--follow-symlinks. Import never changes the files.",
        ],
        positionals: [pathWord, nameWord],
        options: [
            PullOptions.replacing.form, lenient.form, follow.form, PullOptions.baseOption.form,
            PullOptions.noDelta.form,
            dryRun.form,
        ],
        examples: [
            .init("cake import ./mistral-ft mistral-ft", "a folder, with a name"),
            .init("cake import model.safetensors", "one file; its name is model"),
            .init("cake import model.pt back", "an archive from cake export --format fast"),
            .init("cake import ~/.cache/huggingface/hub", "every model of a Hugging Face cache"),
            .init("cake import ./mistral-ft --dry-run", "what it would add to the store"),
        ],
        whenInterrupted: "cake keeps what it has stored; run the same command to resume")

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
        let summaries = Summaries(in: session)
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
                fix: first.fix ?? "import the others one by one")
        }
    }

    /// What `cake export --format fast` wrote.
    private func runArchive(_ wanted: ModelName?, in session: Session) async throws {
        let archive = try ArchiveFile(path)
        let store = try session.openStore()
        let name = try wanted ?? archive.name
        let summaries = Summaries(in: session)
        summaries.show(try await run(name, into: store, in: session) { try await $0(archive, as: name) })
        summaries.end()
    }

    private func run(
        _ name: ModelName, into store: LocalStore, bases: Import.Bases = .none, in session: Session,
        _ work: (Import) async throws -> Import.Report
    ) async throws -> ImportSummary {
        try refusePinned(name, in: store)
        try session.refuseID(name)
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
