import Model
import Platform
import Store
import Transfer

struct SaveCommand: Verb {
    let names: [String]
    let output: String
    let notIn: [String]
    let splitAt: UInt64?
    let overwrites: Bool
    let plainHTTP: Bool
    /// Nil for cake's own.
    let shape: WrittenShape?

    private static let nameWord = Positional("NAME", .some, .model, "one or more models in the store")
    private static let outputOption = Option.text(
        "output", short: "o", "PATH", completing: .path,
        "where to write: a tar, a folder when PATH ends in /, or - for standard output"
    ).required
    private static let notInOption = Option.text(
        "not-in", "WHAT", completing: .path,
        "leave out the layers that the other side has: a list of cake have, a store's folder, a model here, or a model in a "
            + "registry"
    ).repeatable
    private static let split = Option<UInt64>(
        "split", "SIZE", "write parts of at most SIZE, such as 50GB: PATH.000, PATH.001 and so on",
        read: Quantities.readBytes)
    private static let shapeOption = Option<WrittenShape>.choice(
        "as", "SHAPE", "write one model in the form of another tool")
    private static let force = Flag("force", short: "f", "overwrite PATH")

    static let command = Command(
        Self.self, "save", for: .move, "write models into a bundle, to carry them to another store",
        about: [
            "A bundle is an OCI image layout in a tar, with the models as cake push sends them. Several models share layers. "
                + "cake load reads it. skopeo and oras copy its models to registries.",
            "Every layer is decoded and compared with its digest before it is written. PATH gets its name when all of it is on "
                + "the disk.",
            "With --not-in, deltas may rely on bases that the other side has. cake load then says which layers are missing if the "
                + "other side does not have them. Without it, the models are complete: a delta whose base is in no saved model is "
                + "written without its base.",
            "--as image writes an image with the files in /models, which podman load, docker load, ctr images import and skopeo read. "
                + "--as modelpack writes an artifact of the CNCF's ModelPack, with a layer for each file. Files are whole in both.",
            "Each part of --split can be loaded alone, and carried alone.",
        ],
        positionals: [nameWord],
        options: [
            outputOption.form, shapeOption.form, notInOption.form, split.form, force.form,
            RegistryOptions.plainHTTP.form,
        ],
        examples: [
            .init("cake save mistral-7b team/tune -o models.tar", "two models, their common layers once"),
            .init("cake save team/tune -o tune.tar --not-in there.list", "only what the other side lacks"),
            .init("cake save big -o /media/disk/big.tar --split 50GB", "in parts"),
            .init("cake save big -o - | ssh there cake load -", "through a pipe"),
            .init("cake save big -o layout/", "as a folder"),
            .init("cake save mistral-7b -o - --as image | podman load", "an image with the files of a model"),
        ],
        whenInterrupted: "nothing was written under its name")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        output = try arguments.required(Self.outputOption)
        notIn = try arguments.values(of: Self.notInOption)
        splitAt = try arguments.value(of: Self.split)
        overwrites = arguments.has(Self.force)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
        shape = try arguments.value(of: Self.shapeOption)
        if shape != nil, names.count > 1 || !notIn.isEmpty || splitAt != nil {
            throw CakeError(
                .usage, "--as writes one model, whole, in one archive",
                fix: names.count > 1 ? "save the models one by one" : "leave out --not-in and --split, or --as")
        }
        guard !output.isEmpty else { throw CakeError(.usage, "-o needs a path", fix: "for example: -o bundle.tar") }
        if splitAt != nil, output == "-" || output.utf8.last == UInt8(ascii: "/") {
            throw CakeError(.usage, "--split is for a tar", fix: "write -o bundle.tar")
        }
        if notIn.count(where: { $0 == "-" }) > 1 {
            throw CakeError(.usage, "standard input has one list", fix: "write --not-in - once")
        }
    }
}

extension SaveCommand {
    func run(in session: Session) async throws {
        if output == "-" { try session.refuseTerminal() }
        let found = try session.findNames(names)
        guard let store = found.first?.store else { return }
        for (_, named) in found where named.record.isPartial {
            throw CakeError(
                .failed, "only a part of \(named.name) was pulled, so it cannot be saved",
                fix: "\(named.record.completing(named.name)) downloads the rest")
        }
        let target = try target(in: session)
        if let shape {
            guard found.count == 1 else {
                throw CakeError(.usage, "--as writes one model", fix: "save the models one by one")
            }
            return try await save(found[0].named, of: store, as: shape, to: target, in: session)
        }
        let start = ContinuousClock.now
        let progress = Progress("looking at what the other side has", items: "layers")
        let report = try await session.reporter.show(progress) {
            let there = try await session.layersThere(notIn, for: "cake save --not-in", plainHTTP: plainHTTP)
            let models = try found.map { one throws(CakeError) in try Save.Model(one.named, in: store) }
            return try await Save(models, from: store, without: there, progress: progress)(to: target)
        }
        let summary = SaveSummary(
            report: report, isTold: !notIn.isEmpty, place: Printable.escape(output), elapsed: .now - start)
        // Standard output has the bundle.
        guard !report.paths.isEmpty else { return session.reporter.note(summary.title) }
        session.show(summary)
    }

    private func save(
        _ named: LocalStore.Named, of store: LocalStore, as shape: WrittenShape, to target: Save.Target,
        in session: Session
    ) async throws {
        let progress = Progress("hashing the layers of \(named.name)")
        let start = ContinuousClock.now
        // Against collections, from the first byte that is read to the last that is written.
        let operation = try Operation(store)
        try operation.hold(manifest: named.record.manifest)
        defer { withExtendedLifetime(operation) {} }
        let report = try await session.reporter.show(progress) {
            let model = try await store.shaped(named, as: shape) {
                progress.expect(bytes: $0)
            } did: {
                progress.did(bytes: $0)
            }
            progress.begin("writing \(named.name)")
            return try await ShapedSave(named, model, from: store, progress: progress)(to: target)
        }
        let summary = ShapedSaveSummary(report: report, place: Printable.escape(output), elapsed: .now - start)
        guard !report.paths.isEmpty else { return session.reporter.note(summary.title) }
        session.show(summary)
    }

    private func target(in session: Session) throws(CakeError) -> Save.Target {
        guard output != "-" else { return .stream { try session.sendOn($0, to: nil) } }
        let path = try session.settings.inHome(output)
        if NamedPipe.isOne(path) {
            let pipe = try NamedPipe(path)
            return .stream { try session.sendOn($0, to: pipe) }
        }
        if path.utf8.last == UInt8(ascii: "/") { return .folder(String(path.dropLast())) }
        if try Disk.status(path)?.kind == .folder {
            throw CakeError(
                .usage, "\(Printable.escape(path)) is a folder",
                fix: "write -o \(Printable.escape(path))/ for a bundle that is a folder, or name a file in it")
        }
        return .file(path, splitAt: splitAt, mayReplace: overwrites)
    }
}
