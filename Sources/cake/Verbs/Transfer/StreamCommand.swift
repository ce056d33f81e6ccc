import Model
import Platform
import Remote
import Transfer

/// What passes from the Hub to a program.
enum StreamFormat: String, CaseIterable, Sendable {
    /// The original files: one as it is, several as a tar.
    case files
    /// One archive that torch maps.
    case fast
}

struct StreamCommand: Verb {
    let name: String
    let files: [String]
    let format: StreamFormat
    /// Nil for standard output.
    let pipe: String?
    let revision: String?
    let included: [String]
    let excluded: [String]
    let token: String?
    let mostConnections: Int?
    let bytesPerSecond: UInt64?

    private static let nameWord = Positional("NAME", .one, .nothing, "org/name[@revision], a short name, or a Hub URL")
    private static let fileWord = Positional("FILE", .any, .nothing, "only these files")
    private static let output = Option.text(
        "output", short: "o", "PIPE", completing: .path, "write to this named pipe instead of standard output")
    private static let formatOption = Option<StreamFormat>.choice("format", "FORMAT", "what to write")

    static let command = Command(
        Self.self, "stream", for: .move, "stream a model from the Hub to a program without writing to disk",
        about: [
            "One file is written as it is, several as a tar. --format fast writes the archive that torch.load maps, with the other "
                + "files in it. Nothing is written to disk, and the store is not used.",
            "cake holds back the last 64 KiB of each file until the whole file matches its published hash. If it does not match, the "
                + "output is cut short and the status is 11. Do not use the output before the end.",
            "A streamed archive loads like an exported one, and cake import and cake verify accept it. Its list of layers is at its "
                + "end, because the digests are known only then.",
        ],
        positionals: [nameWord, fileWord],
        options: [
            output.form, formatOption.form, PullOptions.revisionOption.form, PullOptions.include.form,
            PullOptions.exclude.form, PullOptions.tokenOption.form, PullOptions.workers.form, PullOptions.rate.form,
        ],
        examples: [
            .init("cake stream hf://org/name | tar -x -C /mnt/ram", "all files"),
            .init("cake stream org/name@v2 model.safetensors > /dev/shm/model.safetensors", "one file"),
            .init("cake stream org/name --format fast -o ./pipe", "an archive, through a named pipe"),
        ],
        whenInterrupted: "the output is incomplete; nothing was kept")

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        files = arguments.words(Self.fileWord)
        format = try arguments.value(of: Self.formatOption) ?? .files
        let destination = try arguments.value(of: Self.output)
        pipe = destination == "-" ? nil : destination
        revision = try arguments.value(of: PullOptions.revisionOption)
        included = try arguments.values(of: PullOptions.include)
        excluded = try arguments.values(of: PullOptions.exclude)
        token = try arguments.value(of: PullOptions.tokenOption)
        mostConnections = try arguments.value(of: PullOptions.workers)
        bytesPerSecond = try arguments.value(of: PullOptions.rate)
    }
}

extension StreamCommand {
    func run(in session: Session) async throws {
        if pipe == nil { try session.refuseTerminal() }
        let reference = try session.hubReference(name).at(revision)
        let source = try session.hub(for: "cake stream", token: token)
        let options = try options(in: session)
        let progress = Progress("looking at \(reference.storeName)")
        try await session.reporter.show(progress) {
            let snapshot = try await source.snapshot(of: reference)
            try session.settings.signatureGate().refuseUnchecked(
                ModelName(reference.storeName), from: snapshot.repository.description, "cake does not stream")
            let choice = try await selection(from: snapshot, reference).chosen(from: snapshot, on: source)
            session.tell(choice)
            let stream = try await stream(of: choice.files, snapshot, source, options, session)
            session.tell(rawTensors: stream.rawTensors)
            progress.begin("streaming \(reference.storeName)")
            let reader = try pipe.map { path throws(CakeError) in try NamedPipe(path) }
            try await stream.send(progress) { try session.sendOn($0, to: reader) }
        }
    }

    private func options(in session: Session) throws(CakeError) -> HubStream.Options {
        let limits = try PullOptions.limits(connections: mostConnections, rate: bytesPerSecond, in: session)
        var options = HubStream.Options()
        options.bytesPerSecond = limits.rate
        if let most = limits.connections { options.mostConnections = most }
        return options
    }

    /// An address may name a file, or a folder.
    private func selection(
        from snapshot: Snapshot, _ reference: HubReference
    ) throws(CakeError) -> WeightSelection {
        var (files, included) = (files, included)
        if let place = reference.file {
            if snapshot.file(at: place) != nil {
                files.append(place.string)
            } else {
                included.append(place.string + "/")
            }
        }
        return try WeightSelection(.oneFormat, files: files, include: included, exclude: excluded)
    }

    private func stream(
        of files: [SnapshotFile], _ snapshot: Snapshot, _ source: HubSource, _ options: HubStream.Options,
        _ session: Session
    ) async throws -> HubStream {
        switch format {
        case .files:
            try await HubStream(files: files, of: snapshot, from: source, on: session.pool, options)
        case .fast:
            try await HubStream(archive: files, of: snapshot, from: source, on: session.pool, options)
        }
    }
}
