import Model
import Platform

/// What a model is written as.
enum ExportFormat: String, CaseIterable, Sendable {
    /// The original files, bit for bit.
    case files
    /// One archive that torch maps.
    case fast
    /// Tensors in safetensors files of another size, or some of them.
    case safetensors
    /// The original files, where the Hub's client looks for them.
    case hfCache = "hf-cache"
}

struct ExportCommand: Verb {
    let names: [String]
    /// Every name of the store.
    let exportsAll: Bool
    let revision: String?
    /// Nil only for a cache that is where it always is. For several names the folder that gets one for each.
    private(set) var destination: String?
    let format: ExportFormat
    let overwrites: Bool
    /// Globs on paths inside the model: a file is written when one of `included` fits (or there are none) and none of
    /// `excluded` does.
    let included: [String]
    let excluded: [String]
    let tensors: TensorOptions
    /// Bytes of tensors in one file; nil for all.
    let shardSize: UInt64?
    let hasOneStorage: Bool
    let isDryRun: Bool

    private static let nameWord = Positional("NAME", .any, .model, "one or more models in the store")
    private static let output = Option.text(
        "output", short: "o", "PATH", completing: .path,
        "where to write: a folder, a file for one file, or - for standard output"
    )
    private static let revision = Option.text(
        "revision", short: "r", "REV", "a revision, tag, commit or id, instead of the latest")
    private static let formatOption = Option<ExportFormat>.choice("format", "FORMAT", "what to write")
    private static let force = Flag("force", short: "f", "overwrite files that have other content")
    private static let include = Option.text("include", "GLOB", "only files whose path matches").repeatable
    private static let exclude = Option.text("exclude", "GLOB", "no file whose path matches").repeatable
    private static let shardOption = Option<UInt64>(
        "shard-size", "SIZE", "safetensors: the largest size of a file (default 5GB)",
        read: Quantities.readBytes)
    private static let single = Flag("single", "safetensors: all tensors in one file")
    private static let oneStorage = Flag(
        "one-storage", "fast: all tensors of a dtype in one block of memory, which loads fastest")
    private static let all = Flag("all", "every model of the store, each in a folder of its own in PATH")
    private static let dryRun = Flag("dry-run", "show what would be written, write nothing")

    private static let standardShardSize: UInt64 = 5_000_000_000

    static let command = Command(
        Self.self, "export", aliases: ["checkout"], for: .move, "write a model's files, or a format that loads faster",
        about: [
            "Writes the original files, byte for byte. Each file is written under a temporary name, checked against its "
                + "SHA-256, and then renamed.",
            "A file that is there already with the same content stays. A file with other content is an error, unless you "
                + "use --force.",
            "A model that was signed with cake sign gets one more file, model.sig, where all its files are written.",
            "Of several models each gets a folder of its own in PATH, called by its name; --all writes every model of the store.",
            "--format fast writes one file. torch.load(PATH, mmap=True, weights_only=True) opens it as the model's state "
                + "dict without reading it first. cake import takes it back, and cake verify PATH checks it.",
            "--format safetensors writes the tensors to files of another size, with a matching index and the other files that "
                + "from_pretrained needs. It writes a single file when PATH ends in .safetensors.",
            "--format hf-cache writes the files where huggingface_hub looks for them: from_pretrained then works without a "
                + "network. That is PATH, else $HF_HUB_CACHE or $HF_HOME/hub. It replaces nothing there.",
            "-o - sends one file as it is, or several as a tar, to standard output. -o with a named pipe sends them to the "
                + "pipe. Neither makes a copy on disk.",
        ],
        positionals: [nameWord],
        options: [
            output.form, all.form, revision.form, formatOption.form, force.form, include.form, exclude.form,
        ] + TensorOptions.forms + [shardOption.form, single.form, oneStorage.form, dryRun.form],
        examples: [
            .init("cake export mistral-7b -o ./mistral-7b", "all files"),
            .init("cake export mistral-7b team/tune -o ./models", "two models, each in a folder of its own"),
            .init("cake export --all -o ./models", "everything, as plain files"),
            .init("cake export mistral-7b -o . --include '*.json'", "configuration and tokenizer only"),
            .init("cake export mistral-7b --revision 26bca36 -o ./old", "an earlier revision"),
            .init("cake export mistral-7b --format fast -o m.pt", "one file for torch.load"),
            .init("cake export mistral-7b --format safetensors --shard-size 2GB -o ./small", "in smaller files"),
            .init(
                "cake export mistral-7b --format safetensors --layers 0-7 -o part.safetensors", "some of its tensors"),
            .init("cake export mistral-7b --format hf-cache", "for from_pretrained without a network"),
            .init("cake export mistral-7b -o - | tar -x -C ./there", "to another program"),
        ],
        whenInterrupted: "complete files are kept; the same command writes the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        exportsAll = arguments.has(Self.all)
        guard exportsAll == names.isEmpty else {
            throw CakeError(
                .usage,
                exportsAll
                    ? "--all stands for every model, so no name can be given"
                    : "export needs NAME: \(Self.nameWord.meaning)",
                fix: exportsAll
                    ? "leave out --all, or the names" : "for example: cake export mistral-7b -o ./mistral-7b")
        }
        let first = Printable.escape(names.first ?? "--all")
        revision = try arguments.value(of: Self.revision)
        destination = try arguments.value(of: Self.output)
        format = try arguments.value(of: Self.formatOption) ?? .files
        if let path = names.dropFirst().first(where: Session.isPath) {
            throw CakeError(
                .usage, "\(Printable.escape(path)) is a path, not the name of a model",
                fix: "cake export \(first) -o \(Printable.escape(path))")
        }
        guard destination != nil || format == .hfCache else {
            throw CakeError(
                .usage, "export needs -o PATH: \(Self.output.form.help)",
                fix: "for example: cake export \(first) -o ./model")
        }
        if exportsAll, revision != nil {
            throw CakeError(.usage, "--revision is for one model", fix: "leave out --all, and name the model")
        }
        if exportsAll || names.count > 1, destination == "-" {
            throw CakeError(.usage, "-o - writes one model", fix: "export the models one by one, or to a folder")
        }
        overwrites = arguments.has(Self.force)
        included = try arguments.values(of: Self.include)
        excluded = try arguments.values(of: Self.exclude)
        tensors = try TensorOptions(arguments)
        hasOneStorage = arguments.has(Self.oneStorage)
        isDryRun = arguments.has(Self.dryRun)
        let isSingle = arguments.has(Self.single)
        shardSize = isSingle ? nil : try arguments.value(of: Self.shardOption) ?? Self.standardShardSize
        if format == .files || format == .hfCache, !tensors.isEmpty {
            throw CakeError(
                .usage, "--format \(format.rawValue) writes whole files, so it cannot select tensors",
                fix: "add --format safetensors, or --format fast")
        }
        if hasOneStorage, format != .fast {
            throw CakeError(.usage, "--one-storage is for --format fast", fix: "add --format fast")
        }
        let sizes = isSingle || arguments.has(Self.shardOption)
        if sizes, format != .safetensors {
            throw CakeError(
                .usage, "--shard-size and --single are for --format safetensors", fix: "add --format safetensors")
        }
        if isSingle, arguments.has(Self.shardOption) {
            throw CakeError(
                .usage, "--single and --shard-size cannot be used together", fix: "leave out one of them")
        }
    }
    /// The same for one of several names, in a folder of its own, or in a file of its own.
    func alone(_ name: ModelName) -> ExportCommand {
        guard exportsAll || names.count > 1, let destination, format != .hfCache else { return self }
        var one = self
        one.destination = "\(destination)/\(name)" + (format == .fast ? ".pt" : "")
        return one
    }
}
