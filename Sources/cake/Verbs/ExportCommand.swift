import Model
import Platform
import Store
import Transfer

/// What a model is written as.
enum ExportFormat: String, CaseIterable, Sendable {
    /// The original files, bit for bit.
    case files
}

struct ExportCommand: Verb {
    let name: String
    let revision: String?
    let destination: String
    let format: ExportFormat
    let overwrites: Bool
    /// Globs on paths inside the model: a file is written when one of `included` fits (or there are none) and none of
    /// `excluded` does.
    let included: [String]
    let excluded: [String]
    let isDryRun: Bool

    private static let nameWord = Positional("NAME", .one, .model, "the name of a model in the store")
    private static let output = Option.text(
        "output", short: "o", "DIR", completing: .folder, "where to write; made when it is not there"
    ).required
    private static let revision = Option.text("revision", short: "r", "REV", "the revision, instead of the last one")
    private static let formatOption = Option<ExportFormat>.choice("format", "FORMAT", "what to write")
    private static let force = Flag("force", short: "f", "overwrite files that have other content")
    private static let include = Option.text("include", "GLOB", "only files whose path fits").repeatable
    private static let exclude = Option.text("exclude", "GLOB", "no file whose path fits").repeatable
    private static let dryRun = Flag("dry-run", "say what would be written, write nothing")

    static let command = Command(
        Self.self, "export", aliases: ["checkout"], for: .move, "write a model's files, as they were",
        about: [
            "The files come back byte for byte. Each is written aside, checked against its SHA-256, and then renamed, "
                + "so a file under its own name is whole and right.",
            "A file that is there already with the same content is left alone; one with other content is refused "
                + "without --force.",
        ],
        positionals: [nameWord],
        options: [
            output.form, revision.form, formatOption.form, force.form, include.form, exclude.form, dryRun.form,
        ],
        examples: [
            .init("cake export mistral-7b -o ./mistral-7b", "all files"),
            .init("cake export mistral-7b -o . --include '*.json'", "only configuration and tokenizer"),
            .init("cake export mistral-7b --revision 26bca36 -o ./old", "an earlier revision"),
        ],
        whenInterrupted: "files that are complete are kept; the same command writes the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        revision = try arguments.value(of: Self.revision)
        destination = try arguments.required(Self.output)
        format = try arguments.value(of: Self.formatOption) ?? .files
        overwrites = arguments.has(Self.force)
        included = try arguments.values(of: Self.include)
        excluded = try arguments.values(of: Self.exclude)
        isDryRun = arguments.has(Self.dryRun)
    }
}

extension ExportCommand {
    func run(in session: Session) async throws {
        let (store, named) = try session.find(name, revision: revision)
        let files = try selected(from: store.manifest(named.record.manifest))
        if isDryRun {
            for file in files { session.output.line("\(file.path)  \(Quantities.bytes(file.size))") }
            return
        }
        let progress = Progress("exporting \(named.name)")
        let start = ContinuousClock.now
        let work = Export(from: store, progress: progress, isForced: overwrites)
        let report = try await session.reporter.show(progress) {
            try await work(named.name, named.record.manifest, files, to: destination)
        }
        if session.settings.isJSON {
            session.show([
                "name": JSONValue(named.name.string), "manifest": JSONValue(named.record.manifest.hex),
                "output": JSONValue(destination), "files": JSONValue(report.files), "bytes": JSONValue(report.bytes),
                "files_there": JSONValue(report.filesThere),
            ])
        } else if !session.settings.isQuiet {
            let elapsed = Quantities.duration(ContinuousClock.now - start)
            let there = report.filesThere > 0 ? "; \(report.filesThere) were there already" : ""
            session.output.line(
                "exported \(session.style.paint(named.name.description, .strong)) to \(Printable.escape(destination))")
            session.show(
                detail: "\(report.files) \(report.files == 1 ? "file" : "files"), \(Quantities.bytes(report.bytes)), "
                    + "each as its SHA-256 says\(there); in \(elapsed)")
        }
    }

    private func selected(from manifest: Manifest) throws(CakeError) -> [Manifest.File] {
        var including: [Glob] = []
        for pattern in included { including.append(try Glob(pattern)) }
        var excluding: [Glob] = []
        for pattern in excluded { excluding.append(try Glob(pattern)) }
        let files = manifest.files.filter { file in
            (including.isEmpty || including.contains { $0.matches(file.path.string) })
                && !excluding.contains { $0.matches(file.path.string) }
        }
        guard !files.isEmpty || manifest.files.isEmpty else {
            throw CakeError(
                .notFound, "no file of \(Printable.escape(name)) fits",
                fix: "cake inspect \(Printable.escape(name)) lists its files")
        }
        return files
    }
}
