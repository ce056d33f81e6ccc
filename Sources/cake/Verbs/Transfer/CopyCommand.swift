import Model
import Platform
import Remote
import Transfer

struct CopyCommand: Verb {
    let source: String
    let target: String
    let bytesPerSecond: UInt64?
    let isDryRun: Bool
    let plainHTTP: Bool
    /// Nil for what it has there.
    let shape: Shape?

    enum Shape: String, CaseIterable {
        /// As `cake push` sends a model.
        case cake
        case modelpack, image
    }

    private static let sourceWord = Positional(
        "FROM", .one, .nothing, "host[:port]/path[:tag] or host[:port]/path@sha256:DIGEST")
    private static let targetWord = Positional("TO", .one, .nothing, "host[:port]/path[:tag]")
    private static let dryRun = Flag("dry-run", "show what would be sent, send nothing")
    private static let shapeOption = Option<Shape>.choice(
        "as", "SHAPE", "pull the model into the store, and push it in this shape")

    static let command = Command(
        Self.self, "copy", aliases: ["cp"], for: .move, "copy a model from one registry to another",
        about: [
            "Copies models and any other artifact as they are. Blobs that are there already are not sent. Blobs that the same registry "
                + "has in another repository are reused. The others pass through this machine and are not stored.",
            "A copy keeps the shape that a tool gave the model, and has the same digest. --as changes it: the model goes through the "
                + "store, where it stays under its name in the registry, and only layers that are missing move.",
        ],
        positionals: [sourceWord, targetWord],
        options: [shapeOption.form, PullOptions.rate.form, RegistryOptions.plainHTTP.form, dryRun.form],
        examples: [
            .init("cake copy ghcr.io/team/m:v1 registry.local:5000/team/m:v1", "to a registry in your network"),
            .init("cake copy localhost:5111/m:v1 localhost:5111/m:stable", "add another tag"),
            .init("cake copy harbor.local/team/m:v1 localhost:5111/team/m:v1 --as image", "a ModelPack as an image"),
        ],
        whenInterrupted: "the registry keeps what was sent for a while; run the same command to resume")

    init(_ arguments: Arguments) throws(CakeError) {
        source = try arguments.word(Self.sourceWord)
        target = try arguments.word(Self.targetWord)
        bytesPerSecond = try arguments.value(of: PullOptions.rate)
        isDryRun = arguments.has(Self.dryRun)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
        shape = try arguments.value(of: Self.shapeOption)
        guard shape == nil || !isDryRun else {
            throw CakeError(
                .usage, "--dry-run cannot look through --as, which pulls the model first",
                fix: "cake pull \(Printable.escape(source)) --dry-run")
        }
    }
}

extension CopyCommand {
    func run(in session: Session) async throws {
        let from = try session.registryReference(source)
        let to = try session.registryReference(target)
        guard to.digest == nil else {
            throw CakeError(
                .usage, "\(target) names a digest, and a copy needs a tag", fix: "write \(to.spelledHost)/\(to.path):v1"
            )
        }
        if let shape { return try await copy(from, as: shape, in: session) }
        let reading = try session.registry(from, for: "cake copy", plainHTTP: plainHTTP)
        let writing =
            from.host == to.host && from.speaksTLS == to.speaksTLS
            ? reading : try session.registry(to, for: "cake copy", plainHTTP: plainHTTP)
        let progress = Progress("copying \(from.storeName)", items: "blobs")
        var copy = RegistryCopy(
            from: RemoteRepository(from, reading), to: RemoteRepository(to, writing, for: [.pull, .push]),
            bytesPerSecond: bytesPerSecond, on: session.pool, progress: progress)
        copy.isDryRun = isDryRun
        let start = ContinuousClock.now
        let work = copy
        let report = try await session.reporter.show(progress) { try await work(from.manifest, as: to.manifest) }
        session.show(
            CopySummary(report: report, source: from, target: to, isDryRun: isDryRun, elapsed: .now - start))
    }
}

extension CopyCommand {
    /// Through the store: pulled, and pushed in the other shape.
    private func copy(_ from: RegistryReference, as shape: Shape, in session: Session) async throws {
        var options = RegistryPull.Options()
        options.bytesPerSecond = bytesPerSecond
        options.gate = try session.settings.signatureGate()
        let pulled = try await RegistryPulling(options: options, isDryRun: false, plainHTTP: plainHTTP)(
            from, in: session)
        // A program reads one document.
        if !session.settings.isJSON { session.show(pulled.summary) }
        let written: WrittenShape? =
            switch shape {
            case .cake: nil
            case .modelpack: .modelpack
            case .image: .image
            }
        try await PushCommand(
            pulled.name, to: target, as: written, bytesPerSecond: bytesPerSecond, plainHTTP: plainHTTP
        ).run(in: session)
    }
}
