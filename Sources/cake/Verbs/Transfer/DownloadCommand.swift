import Model
import Platform

struct DownloadCommand: Verb {
    let name: String
    let files: [String]
    let options: PullOptions
    private let ignored: [String]

    private static let nameWord = Positional("REPO", .one, .nothing, "org/name, as hf download takes it")
    private static let fileWord = Positional("FILE", .any, .nothing, "only these files")
    private static let symlinks = Option.text("local-dir-use-symlinks", "BOOL", "accepted and without effect")
    private static let resume = Flag("resume-download", "accepted and without effect: cake always goes on")
    private static let cache = Option.text("cache-dir", "DIR", "accepted and without effect: the store is the cache")

    static let command = Command(
        Self.self, "download", for: .move, "pull, with the words of hf download",
        about: ["Takes every file unless some are named, as hf download does; cake pull is choosier."],
        positionals: [nameWord, fileWord], options: PullOptions.forms + [symlinks.form, resume.form, cache.form],
        examples: [
            .init("cake download org/name config.json", "one file"),
            .init("cake download org/name --local-dir ./model", "all of them, and beside the store too"),
        ],
        whenInterrupted: "what was fetched is kept; the same command goes on from there")

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        files = arguments.words(Self.fileWord)
        options = try PullOptions(arguments)
        var ignored: [String] = []
        if try arguments.value(of: Self.symlinks) != nil { ignored.append("--local-dir-use-symlinks") }
        if arguments.has(Self.resume) { ignored.append("--resume-download") }
        if try arguments.value(of: Self.cache) != nil { ignored.append("--cache-dir") }
        self.ignored = ignored
    }
}

extension DownloadCommand {
    func run(in session: Session) async throws {
        for option in ignored { session.reporter.note("\(option) has no effect in cake") }
        let reference = try options.reference(name, in: session)
        let pulling = try options.pulling(.everything, files: files, for: "cake download", in: session)
        try await pulling(reference, in: session)
    }
}
