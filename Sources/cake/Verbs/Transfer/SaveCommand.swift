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
        "split", "SIZE", "write parts of at most SIZE, such as 50GB: PATH.000, PATH.001…", read: Quantities.readBytes)
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
            "Each part of --split can be loaded alone, and carried alone.",
        ],
        positionals: [nameWord],
        options: [outputOption.form, notInOption.form, split.form, force.form, RegistryOptions.plainHTTP.form],
        examples: [
            .init("cake save mistral-7b team/tune -o models.tar", "two models, their common layers once"),
            .init("cake save team/tune -o tune.tar --not-in there.list", "only what the other side lacks"),
            .init("cake save big -o /media/disk/big.tar --split 50GB", "in parts"),
            .init("cake save big -o - | ssh there cake load -", "through a pipe"),
            .init("cake save big -o layout/", "as a folder"),
        ],
        whenInterrupted: "nothing was written under its name")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        output = try arguments.required(Self.outputOption)
        notIn = try arguments.values(of: Self.notInOption)
        splitAt = try arguments.value(of: Self.split)
        overwrites = arguments.has(Self.force)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
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
