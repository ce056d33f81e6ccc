import Model
import Platform
import Transfer

struct InspectCommand: Verb {
    enum Tensors: Hashable, Sendable {
        case all
        case glob(String)
        /// What stood between two slashes.
        case regex(String)

        static func read(_ text: String) throws(CakeError) -> Tensors {
            guard text.hasPrefix("/"), text.hasSuffix("/"), text.utf8.count > 2 else { return .glob(text) }
            return .regex(String(text.dropFirst().dropLast()))
        }
    }

    /// A name in the store or on the Hub, or a path.
    let subjects: [String]
    /// Nil: the tensors are not listed.
    let tensors: Tensors?
    let plainHTTP: Bool

    private static let subjectWord = Positional(
        "NAME|FILE", .some, .modelOrPath,
        "models in the store, on the Hub or in a registry, or files or folders on this disk")
    private static let tensorsOption = Option(
        "tensors", short: "t", "GLOB|/REGEX/", "list the tensors, or those whose name matches", read: Tensors.read
    ).withOptionalValue

    static let command = Command(
        Self.self, "inspect", aliases: ["show"], for: .look, "show what a model is, from its headers alone",
        about: [
            "Shows architecture, layers, hidden size, parameters, dtypes and files. They come from the configuration and the "
                + "headers: cake reads no tensor, and runs nothing that the model ships. --tensors lists each tensor's name, "
                + "dtype, shape and size instead, and its digest when the model is in the store.",
            "Takes GGUF files, and archives of cake export --format fast, too. It does not check them: cake verify checks "
                + "archives.",
            "A model that is neither in the store nor on this disk is inspected on the Hub. That downloads the listing, the "
                + "headers and a few small files: some hundred kilobytes. Digests of tensors are then not known. Of a model in "
                + "a registry (host/path:tag) cake reads manifest and index, which name every digest. Of a model that another tool "
                + "pushed there, it reads manifest, config and headers, and says which shape it has.",
        ],
        positionals: [subjectWord],
        options: [tensorsOption.form, RegistryOptions.plainHTTP.form],
        examples: [
            .init("cake inspect mistral-7b", "a model in the store"),
            .init("cake inspect mistral-7b mistral-ft", "several models"),
            .init("cake inspect ./model.safetensors", "a file that is not in the store"),
            .init("cake inspect ./model.gguf", "for llama.cpp"),
            .init("cake inspect org/name", "one on the Hub, without a download"),
            .init("cake inspect registry.local:5000/team/m:v1", "one in a registry"),
            .init("cake inspect mistral-7b --tensors '*.layers.0.*'", "the tensors of one block"),
            .init("cake inspect mistral-7b --tensors '/q_proj|k_proj/'", "by regular expression"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        subjects = arguments.words(Self.subjectWord)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
        let isGiven = arguments.has(Self.tensorsOption)
        tensors = try arguments.value(of: Self.tensorsOption) ?? (isGiven ? .all : nil)
    }
}

extension InspectCommand {
    func run(in session: Session) async throws {
        // A filter that makes no sense is refused before anything is opened.
        let filter = try tensors?.filter()
        try await session.forEach(subjects) { try await inspect($0, filter, in: $1) }
    }

    private func inspect(_ subject: String, _ filter: TensorFilter?, in session: Session) async throws {
        if let path = try session.gguf(subject) {
            let inspection = try GGUFInspection(path, typed: subject)
            let entries = tensors.map { _ in inspection.entries(matching: filter) }
            return session.show(GGUFSummary(inspection: inspection, entries: entries))
        }
        let found = try await session.subject(subject, plainHTTP: plainHTTP)
        let inspection = try Inspection(found, typed: subject, besides: session.existingStore())
        tell(found, in: session)
        session.show(
            InspectionSummary(
                inspection: inspection, rows: tensors.map { _ in inspection.rows(matching: filter) },
                entries: tensors.flatMap { _ in inspection.gguf?.entries(matching: filter) },
                isRefused: found.remote?.refusal != nil, now: Machine.now))
    }

    /// What could not be read, and why.
    private func tell(_ subject: Subject, in session: Session) {
        guard let model = subject.remote else { return }
        if let refusal = model.refusal {
            let fix = refusal.fix.map { "; " + $0 } ?? ""
            session.reporter.note("no file could be read: \(refusal.what)\(fix)")
        }
        for complaint in model.files.compactMap(\.complaint) { session.reporter.note(complaint.what) }
    }
}

extension InspectCommand.Tensors {
    /// Nil: all of them.
    func filter() throws(CakeError) -> TensorFilter? {
        switch self {
        case .all: nil
        case .glob(let text): try TensorFilter(text)
        case .regex(let text): try TensorFilter("/\(text)/")
        }
    }
}
