import Model
import Platform
import Store
import Transfer

struct LoadCommand: Verb {
    let paths: [String]
    let replacesNames: Bool
    let allowsOlder: Bool

    private static let pathWord = Positional(
        "BUNDLE", .some, .path, "bundles and other archives: files, folders, or - for standard input")

    static let command = Command(
        Self.self, "load", for: .move, "store the models of a bundle or another archive",
        about: [
            "Every layer is decoded and compared with its digest. Layers that are here are not stored again. A model gets its name "
                + "when all of it is here.",
            "Parts of a bundle can be loaded together, in any order, or one after the other, the first part first. The last one "
                + "gives the models their names. cake gc keeps the layers of the others for a day.",
            "If a load was killed, the same command stores the rest.",
            "Archives of docker save, podman save and other tools are taken, too, from a file or a folder: images with models/, "
                + "ModelPack artifacts, ModelKits. Their files are cut into tensors.",
        ],
        positionals: [pathWord], options: [PullOptions.replacing.form, PullOptions.older.form],
        examples: [
            .init("cake load models.tar", "all models in it"),
            .init("cake load big.tar.*", "all parts"),
            .init("cake load image.tar", "a model in an image that podman save wrote"),
            .init("ssh there cake save big -o - | cake load -", "from a pipe"),
        ],
        whenInterrupted: "complete layers are kept for a day; run the same command to resume")

    init(_ arguments: Arguments) throws(CakeError) {
        paths = arguments.words(Self.pathWord)
        replacesNames = arguments.has(PullOptions.replacing)
        allowsOlder = arguments.has(PullOptions.older)
        if paths.count(where: { $0 == "-" }) > 1 {
            throw CakeError(.usage, "standard input has one bundle", fix: "write - once")
        }
    }
}

extension LoadCommand {
    func run(in session: Session) async throws {
        if paths.contains("-"), session.terminal.isTerminal(.input) {
            throw CakeError(
                .usage, "a bundle cannot be typed", fix: "send one: cake save NAME -o - | cake load -")
        }
        let sources = try paths.map { typed throws(CakeError) -> Load.Source in
            if typed == "-" { return .stream { try session.input.fill($0) } }
            let path = try session.settings.inHome(typed)
            guard !NamedPipe.isOne(path) else {
                throw CakeError(
                    .usage, "\(Printable.escape(path)) is a pipe", fix: "cake load - < \(Printable.escape(path))")
            }
            return .path(path)
        }
        let store = try session.openStore()
        var options = Load.Options()
        options.replacesNames = replacesNames
        options.gate = try session.settings.signatureGate(allowsOlder: allowsOlder)
        let progress = Progress("reading the bundle", items: "layers")
        let start = ContinuousClock.now
        let load = Load(into: store, progress: progress, options: options)
        let report = try await session.reporter.show(progress) { try await load(sources) }
        session.show(LoadSummary(report: report, elapsed: .now - start))
        if let error = LoadSummary.failure(report) { throw error }
    }
}
