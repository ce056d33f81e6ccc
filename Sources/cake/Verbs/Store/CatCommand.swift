import Model
import Platform
import Store
import Transfer

struct CatCommand: Verb {
    let name: String
    let wanted: String
    let revision: String?

    private static let nameWord = Positional("NAME", .one, .model, "a model in the store")
    private static let wantedWord = Positional("PATH|TENSOR", .one, .nothing, "a file or a tensor of the model")
    private static let revisionOption = Option.text(
        "revision", short: "r", "REV", "use this revision instead of the latest")

    static let command = Command(
        Self.self, "cat", for: .move, "write one file or tensor of a model to standard output",
        about: [
            "A file is written as it is. A tensor is written as its bytes, little-endian and row by row, without a header. Each "
                + "layer is checked before its last bytes are written: if a byte is wrong, the output is cut short and the "
                + "status is 11.",
            "If both a file and a tensor have the name, cake writes the file.",
        ],
        positionals: [nameWord, wantedWord], options: [revisionOption.form],
        examples: [
            .init("cake cat mistral-7b config.json", "a file"),
            .init("cake cat mistral-7b lm_head.weight > head.bin", "a tensor"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        wanted = try arguments.word(Self.wantedWord)
        revision = try arguments.value(of: Self.revisionOption)
    }
}

extension CatCommand {
    func run(in session: Session) async throws {
        let (store, named) = try session.find(name, revision: revision)
        session.notePart(named)
        let manifest = try store.manifest(named.record.manifest)
        if session.terminal.isTerminal(.output), let file = manifest.file(at: wanted), file.size <= Self.page {
            let bytes = try LayerReader(store).bytes(of: file, limit: Int(Self.page))
            if let text = String(copying: bytes.span) { return show(text, in: session) }
        }
        if named.record.missing.contains(wanted) {
            throw CakeError(
                .notFound, "tensor \(Printable.escape(wanted)) is not here: \(named.name) was pulled in part",
                fix:
                    "\(named.record.completing(named.name)) downloads the rest; add --tensors or --layers for some of it"
            )
        }
        let stream = try stream(from: manifest)
        try await session.send(
            stream, "reading \(Printable.escape(wanted)) of \(named.name)", of: named, from: store)
    }

    /// What a person may want to see on a terminal.
    private static let page: UInt64 = 1 << 20

    /// With nothing in it that the terminal would obey.
    private func show(_ text: String, in session: Session) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast(text.hasSuffix("\n") ? 1 : 0)
        {
            session.output.line(Printable.escape(String(line)))
        }
    }

    private func stream(from manifest: Manifest) throws(CakeError) -> ModelStream {
        if let file = manifest.file(at: wanted) { return ModelStream(file) }
        let text = ExactText(wanted)
        var found: [(path: FilePath, entry: Weights.Entry)] = []
        for file in manifest.files {
            for segment in file.segments {
                guard let tensor = segment.tensor, tensor.name == text else { continue }
                found.append((file.path, Weights.Entry(tensor: tensor, layer: segment.layer)))
            }
        }
        guard let first = found.first else {
            let known = manifest.files.map(\.path.string) + manifest.segments.compactMap { $0.tensor?.name.string }
            throw CakeError(
                .notFound, "\(Printable.escape(name)) has no file and no tensor \"\(Printable.escape(wanted))\"",
                fix: Suggestion.nearest(to: wanted, among: known).map { "did you mean \($0)?" }
                    ?? "cake inspect \(Printable.escape(name)) --tensors lists them")
        }
        guard found.allSatisfy({ $0.entry.layer == first.entry.layer }) else {
            throw CakeError(
                .failed, "\(found.count) files have different tensors called \"\(Printable.escape(wanted))\"",
                fix:
                    "choose a file: cake export \(Printable.escape(name)) --format safetensors --include '\(first.path)' --tensors NAME -o -"
            )
        }
        return ModelStream(first.entry)
    }
}
