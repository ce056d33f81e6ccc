import Model

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
        throw CakeError(.failed, "cake export is not there yet")
    }
}
