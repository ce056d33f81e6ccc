import Model
import Platform
import Store
import Transfer

struct DownloadCommand: Verb {
    let name: String
    let files: [String]
    let options: PullOptions
    /// The Hugging Face cache to fill; nil for the usual one.
    let cache: String?
    private let ignored: [String]

    private static let nameWord = Positional("REPO", .one, .nothing, "org/name, as for hf download")
    private static let fileWord = Positional("FILE", .any, .nothing, "only these files")
    private static let symlinks = Option.text("local-dir-use-symlinks", "BOOL", "accepted, has no effect")
    private static let resume = Flag("resume-download", "accepted, has no effect: cake always resumes")
    private static let cacheOption = Option.text(
        "cache-dir", "DIR", completing: .folder, "the Hugging Face cache to fill, instead of $HF_HUB_CACHE")

    static let command = Command(
        Self.self, "download", for: .move,
        "download files and print their path, as hf download does",
        about: [
            "Takes the words of hf download, and every file unless you name some. The model is stored as cake pull stores "
                + "it. Its files are then written to the Hugging Face cache, or to --local-dir.",
            "Standard output has one line: the path of the folder, or of the file when you name one. Everything else goes to "
                + "standard error. To have the model in the store alone, use cake pull.",
        ],
        positionals: [nameWord, fileWord],
        options: PullOptions.forms + [cacheOption.form, symlinks.form, resume.form],
        examples: [
            .init("MODEL=$(cake download org/name)", "all files, and their folder for a script"),
            .init("cake download org/name config.json", "one file"),
            .init("cake download org/name --local-dir ./model", "in a folder, and not in the cache"),
        ],
        whenInterrupted: "what was downloaded is kept; the same command resumes")

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        files = arguments.words(Self.fileWord)
        options = try PullOptions(arguments)
        cache = try arguments.value(of: Self.cacheOption)
        var ignored: [String] = []
        if try arguments.value(of: Self.symlinks) != nil { ignored.append("--local-dir-use-symlinks") }
        if arguments.has(Self.resume) { ignored.append("--resume-download") }
        self.ignored = ignored
    }
}

extension DownloadCommand {
    func run(in session: Session) async throws {
        for option in ignored { session.reporter.note("\(option) has no effect in cake") }
        let reference = try options.reference(name, in: session)
        let pulling = try options.pulling(.everything, files: files, for: "cake download", in: session)
        let place = try place(in: session)
        let pulled = try await pulling(reference, in: session)
        guard let report = pulled.report else { return session.show(pulled.summary) }
        if !session.settings.isJSON {
            // The path is the only result.
            let page = Page(width: session.page.width, style: Style(isOn: false))
            for line in pulled.summary.lines(on: page) { session.reporter.note(line) }
        }
        var folder = place
        if options.localFolder != nil {
            _ = try await session.export(pulled, to: place)
            folder = (try? Disk.canonical(place)) ?? place
        } else {
            folder = try await fill(place, pulled, report, in: session)
        }
        let path = files.count == 1 ? Disk.join(folder, files[0]) : folder
        session.show(DownloadSummary(pull: pulled.summary, path: path))
    }

    /// The folder or the cache that the files go to: an error is told before the download.
    private func place(in session: Session) throws(CakeError) -> String {
        if let folder = options.localFolder { return Disk.absolute(try session.settings.inHome(folder)) }
        if let cache { return Disk.absolute(try session.settings.inHome(cache)) }
        guard let cache = session.settings.huggingFaceCache else {
            throw CakeError(
                .usage, "HOME is not set, so cake does not know where the Hugging Face cache is",
                fix: "name a folder: --local-dir DIR, or --cache-dir DIR")
        }
        return cache
    }

    /// The folder of the files in the cache.
    private func fill(
        _ cache: String, _ pulled: Pulled, _ report: Pulled.Report, in session: Session
    ) async throws -> String {
        let record = try report.store.record(of: pulled.name)
        let entry = try HubCacheEntry(
            in: cache, pulled.name, revision: record?.revision, commit: pulled.commit, manifest: report.manifest,
            etags: record?.etags ?? [:], from: record?.source)
        let progress = Progress("exporting \(pulled.name)")
        let files = try report.store.manifest(report.manifest).files.filter(report.has)
        try await session.reporter.show(progress) {
            _ = try await Export(from: report.store, progress: progress).cache(
                pulled.name, report.manifest, files, to: entry, movesReference: true)
        }
        return entry.snapshot
    }
}
