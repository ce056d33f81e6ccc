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
    let isDryRun: Bool

    private static let pathWord = Positional("PATH", .one, .path, "a model's folder, a safetensors file or an HF cache")
    private static let nameWord = Positional("NAME", .optional, .nothing, "what to call it")
    private static let force = Flag("force", short: "f", "give the name to this model, even when another has it")
    private static let lenient = Flag("lenient", "keep files that are not valid safetensors as plain bytes")
    private static let follow = Flag("follow-symlinks", "follow links that lead out of the folder")
    private static let dryRun = Flag("dry-run", "read everything, say what would be stored, store nothing")

    static let command = Command(
        Self.self, "import", aliases: ["add"], for: .move, "put a model from this disk into the store",
        about: [
            "PATH is a file, a model's folder, one snapshot of a Hugging Face cache, or the whole cache. Every tensor "
                + "becomes a layer named by what is in it, so a tensor that is already here, in whatever model, file or "
                + "shard, takes no room again.",
            "Links inside the folder, and from a cache's snapshot to its blobs, are resolved. A link that leads "
                + "elsewhere is refused without --follow-symlinks. The files themselves stay as they are.",
        ],
        positionals: [pathWord, nameWord],
        options: [force.form, lenient.form, follow.form, dryRun.form],
        examples: [
            .init("cake import ./mistral-ft mistral-ft", "a folder, under a name"),
            .init("cake import model.safetensors", "one file, called model"),
            .init("cake import ~/.cache/huggingface/hub", "every model of a Hugging Face cache"),
            .init("cake import ./mistral-ft --dry-run", "what it would add to the store"),
        ],
        whenInterrupted: "what is stored is kept; the same command goes on from there")

    init(_ arguments: Arguments) throws(CakeError) {
        path = try arguments.word(Self.pathWord)
        name = arguments.words(Self.nameWord).first
        replacesName = arguments.has(Self.force)
        isLenient = arguments.has(Self.lenient)
        followsLinks = arguments.has(Self.follow)
        isDryRun = arguments.has(Self.dryRun)
    }
}

extension ImportCommand {
    func run(in session: Session) async throws {
        let wanted = try name.map { text throws(CakeError) in try ModelName(text) }
        if let wanted, !replacesName, let id = try session.settings.meaning(ofAlias: wanted.string) {
            throw CakeError(
                .failed, "\(wanted) is the short name of \(id)",
                fix: "choose another name, or mean it with --force")
        }
        let candidates = try ImportPath(path, name: wanted, followingAllLinks: followsLinks).candidates
        let store = try session.openStore()
        var documents: [JSONValue] = []
        for candidate in candidates {
            try refuseTakenName(candidate.name, in: store)
            let progress = Progress("importing \(candidate.name)")
            let start = ContinuousClock.now
            let work = Import(into: store, progress: progress, isLenient: isLenient, isDryRun: isDryRun)
            let report = try await session.reporter.show(progress) { try await work(candidate) }
            for complaint in report.complaints {
                session.reporter.note("kept as plain bytes: \(complaint.what)")
            }
            if session.settings.isJSON {
                documents.append(document(report))
            } else if !session.settings.isQuiet {
                tell(report, after: ContinuousClock.now - start, session)
            }
        }
        if session.settings.isJSON { session.show(.array(documents)) }
    }

    /// A name that means another model stays with it, unless the model comes from where that one came.
    private func refuseTakenName(_ name: ModelName, in store: LocalStore) throws(CakeError) {
        guard !replacesName, let record = try store.record(of: name), record.isPinned else { return }
        throw CakeError(.failed, "\(name) is pinned", fix: "cake unpin \(name), or mean it with --force")
    }

    private func tell(_ report: Import.Report, after elapsed: Duration, _ session: Session) {
        let style = session.style
        let verb = isDryRun ? "would import" : "imported"
        session.output.line(
            "\(verb) \(style.paint(report.name.description, .strong))  \(report.manifest.short)  in "
                + Quantities.duration(elapsed))
        session.show(
            detail: "\(Quantities.bytes(report.bytes)) in \(report.files) \(report.files == 1 ? "file" : "files"), "
                + "\(report.tensors) tensors")
        let new = report.bytes - report.bytesKnown
        var line = "\(Quantities.bytes(new)) new"
        if !isDryRun, new > 0 { line += ", \(Quantities.bytes(report.bytesStored)) at rest" }
        if report.bytesKnown > 0 {
            let share = Quantities.percent(report.bytesKnown, of: report.bytes)
            line += "; \(Quantities.bytes(report.bytesKnown)) (\(share)) were here"
        }
        session.show(detail: line)
        if let replaced = report.replaced {
            session.show(detail: "\(report.name) was \(replaced.short) before; cake gc frees what only that had")
        }
    }

    private func document(_ report: Import.Report) -> JSONValue {
        [
            "name": JSONValue(report.name.string), "manifest": JSONValue(report.manifest.hex),
            "files": JSONValue(report.files), "tensors": JSONValue(report.tensors), "bytes": JSONValue(report.bytes),
            "bytes_known": JSONValue(report.bytesKnown), "bytes_stored": JSONValue(report.bytesStored),
            "replaced": JSONValue(report.replaced?.hex), "dry_run": JSONValue.bool(isDryRun),
        ]
    }
}
