import Model
import Mount
import Platform
import Store
import Transfer

struct MountCommand: Verb {
    private let folder: String
    private let names: [String]
    private let cache: UInt64
    private let isDetached: Bool
    private let isOpenToOthers: Bool
    private let showsClosed: Bool
    private let lazy: LazyOptions?

    private static let folderWord = Positional("DIR", .one, .folder, "an empty folder, or a new one")
    private static let nameWord = Positional(
        "NAME", .any, .model,
        "only these models, or a pattern such as 'team/*'; all without one. With --lazy also "
            + "org/name[@revision], hf://org/name, or host/path[:tag] of a registry")
    private static let detach = Flag(
        "detach", short: "d", "return when the folder can be listed, and go on in the background")
    private static let cacheSize = Option(
        "cache", "SIZE", "the memory for decoded bytes (default 256MiB)", read: Quantities.readBytes)
    private static let allowOther = Flag("allow-other", "let other users of this machine read the models too")
    private static let closed = Flag(
        "closed", "with --allow-other: also show models that their Hub does not show to everyone")

    private static let standardCache: UInt64 = 256 << 20
    private static let smallestCache: UInt64 = 16 << 20

    static let command = Command(
        Self.self, "mount", for: .move, "show models as folders of files, without a copy on disk",
        about: [
            "DIR/org/name has the files of the model, read-only, rebuilt from the store while they are read. Models that are "
                + "pulled, imported or removed meanwhile appear and disappear. A file that a program has open stays readable "
                + "until it is closed.",
            "cake mount runs until Ctrl-C, SIGTERM or cake umount DIR ends it. With --detach it goes on in the background, and "
                + "writes what it cannot read to the system's log (journalctl -t cake).",
            "With --lazy, models need not be here: what programs read of them is downloaded, a piece of 1 MiB at a time, and "
                + "kept; cake pull downloads the rest. A registry's layers are checked before a program gets them. A Hub "
                + "publishes hashes of whole files only, so parts of larger files are given unchecked, and checked when the "
                + "file is complete; --verified checks first.",
        ],
        positionals: [folderWord, nameWord],
        options: [detach.form, cacheSize.form, allowOther.form, closed.form] + LazyOptions.forms,
        examples: [
            .init("cake mount ~/models", "all models, until Ctrl-C"),
            .init("cake mount ~/models 'team/*' --detach", "some of them, in the background"),
            .init("cake mount ~/models --lazy org/name", "a model of the Hub that is not here"),
            .init("cake umount ~/models", "the end of that"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        guard let folder = arguments.words(Self.folderWord).first else {
            throw CakeError(.usage, "no folder is named", fix: "cake mount DIR")
        }
        self.folder = folder
        names = arguments.words(Self.nameWord)
        cache = try arguments.value(of: Self.cacheSize) ?? Self.standardCache
        guard cache >= Self.smallestCache else {
            throw CakeError(.usage, "--cache is too small", fix: "write 16MiB or more")
        }
        isDetached = arguments.has(Self.detach)
        isOpenToOthers = arguments.has(Self.allowOther)
        showsClosed = arguments.has(Self.closed) || !isOpenToOthers
        lazy = try LazyOptions(arguments, names: names)
    }

    /// How long programs that still use the folder may go on after Ctrl-C.
    static let patience = Duration.seconds(10)

    var timeToEnd: Duration { Self.patience + .seconds(3) }

    var endsBySignal: Bool { true }
}

extension MountCommand {
    func run(in session: Session) async throws {
        let isChild = session.environment[DetachedProgram.mark] != nil
        if isDetached, !isChild { return try startAnother(in: session) }
        let point = try MountPoint(folder)
        let store = try session.openStore()
        let reporter = session.reporter
        let say: @Sendable (String) -> Void = { line in
            if isChild { DetachedProgram.log(line) } else { reporter.note(line) }
        }
        let shown = try await models(in: session, store, say)
        let patterns = shown.patterns
        switch try point.prepare(isOpenToOthers: isOpenToOthers) {
        case .none: break
        case .madeFolder: session.reporter.note("made the folder \(point.path)")
        case .cleaned: session.reporter.note("cleaned up the mount of a cake that was killed")
        }
        let files = OpenFiles(store, cache: cache, patience: lazy?.patience ?? LazyOptions.standardPatience) {
            say(UnreadableText.line($0, in: store))
        }
        let tree = MountTree(store, only: patterns, showsClosed: showsClosed, lazily: shown.lazily)
        let mounted = try MountedFolder(
            tree, files, at: point.path, source: store.layout.root, isOpenToOthers: isOpenToOthers)
        shown.files?.onWrong { [weak mounted] in mounted?.forget($0) }
        guard await mounted.serve() else { return }
        var names = Set(try store.allNames().map(\.name)).filter { name in
            patterns.isEmpty || patterns.contains { $0.fits(name.string) }
        }
        names.formUnion(shown.lazily.map(\.name))
        session.show(
            MountSummary(
                path: point.path, store: store.layout.root, models: names.count,
                lazy: try shown.lazily.map { .init(name: $0.name, folder: try tree.folder(of: $0.name)) },
                process: Machine.process, isDetached: isChild))
        session.output.handOn()
        let manager = session.environment["NOTIFY_SOCKET"]
        if let manager { ServiceManager.tell("READY=1\nSTATUS=mounted at \(point.path)", at: manager) }
        if isChild { DetachedProgram.tellReady() }
        do {
            try await mounted.wait()
            session.reporter.note("\(point.path) was unmounted")
        } catch {
            if let manager { ServiceManager.tell("STOPPING=1", at: manager) }
            await shown.files?.stop()
            try await end(mounted, at: point, in: session)
        }
        if let lazily = shown.files {
            await lazily.stop()
            lazily.end()
            if let line = LazyText.end(lazily.counts, of: shown.lazily) { say(line) }
        }
    }

    private struct Shown {
        var patterns: [StarPattern] = []
        var lazily: [LazyModel] = []
        var files: LazyFiles?
    }

    /// A word is the name of a model here, a pattern that may match later, or a model that is downloaded as it is read.
    private func models(
        in session: Session, _ store: LocalStore, _ say: @escaping @Sendable (String) -> Void
    ) async throws -> Shown {
        var shown = Shown()
        if lazy != nil { shown.files = try LazyFiles(store) { say(LazyText.line($0)) } }
        for word in names {
            if let lazy, let files = shown.files, let model = try await lazy.model(word, among: files, in: session) {
                shown.lazily.append(model)
                shown.patterns.append(StarPattern(model.name.string))
            } else if word.utf8.contains(UInt8(ascii: "*")), !session.has(word) {
                shown.patterns.append(StarPattern(word))
            } else {
                shown.patterns.append(StarPattern(try session.find(word).named.name.string))
            }
        }
        return shown
    }

    private func startAnother(in session: Session) throws {
        switch try DetachedProgram.start(session.environment.arguments) {
        case .ready(let output): session.output.write(output)
        case .ended(let status, let output):
            session.output.write(output)
            throw Answer(status: status == 0 ? CakeError.Kind.failed.rawValue : status)
        }
    }

    private func end(_ mounted: MountedFolder, at point: MountPoint, in session: Session) async throws {
        // The terminal shows ^C in this line.
        if session.terminal.isTerminal(.errors), !session.settings.isQuiet { session.errors.write("\n") }
        guard !mounted.isOver else { return }
        let holders = try point.unmount()
        for holder in holders {
            session.reporter.note(
                "\(holder) still uses it; its open files stay readable for \(Quantities.duration(Self.patience))")
        }
        if !holders.isEmpty { session.reporter.note("Ctrl-C again ends it at once") }
        let deadline = ContinuousClock.now + Self.patience
        // Not a child task: it waits also though this task is cancelled.
        await Task {
            while !mounted.isOver, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
        }.value
        session.reporter.note("unmounted \(point.path)")
    }
}
