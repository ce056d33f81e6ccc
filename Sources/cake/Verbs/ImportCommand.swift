import Model

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
        throw CakeError(.failed, "cake import is not there yet")
    }
}
