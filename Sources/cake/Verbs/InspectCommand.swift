import Model

struct InspectCommand: Verb {
    enum Tensors: Hashable, Sendable {
        case all
        case matching(glob: String)
        /// What stood between two slashes.
        case matching(regex: String)

        static func read(_ text: String) throws(CakeError) -> Tensors {
            guard text.hasPrefix("/"), text.hasSuffix("/"), text.utf8.count > 2 else { return .matching(glob: text) }
            return .matching(regex: String(text.dropFirst().dropLast()))
        }
    }

    /// A name in the store, or a path.
    let subject: String
    /// Nil: the tensors are not listed.
    let tensors: Tensors?

    private static let subjectWord = Positional(
        "NAME|FILE", .one, .modelOrPath, "a model in the store, or a file or folder on this disk")
    private static let tensorsOption = Option(
        "tensors", short: "t", "GLOB|/REGEX/", "list the tensors, or those whose name fits", read: Tensors.read
    ).withOptionalValue

    static let command = Command(
        Self.self, "inspect", aliases: ["show"], for: .look, "say what a model is, from its headers alone",
        about: [
            "Architecture, number of layers, hidden size, parameters, dtypes and files, from the configuration and the "
                + "headers: no tensor is read, and nothing that the model ships is run. With --tensors, also each "
                + "tensor's name, dtype, shape, bytes and digest."
        ],
        positionals: [subjectWord],
        options: [tensorsOption.form],
        examples: [
            .init("cake inspect mistral-7b", "a model in the store"),
            .init("cake inspect ./model.safetensors", "a file that is not in the store"),
            .init("cake inspect mistral-7b --tensors '*.layers.0.*'", "the tensors of one block"),
            .init("cake inspect mistral-7b --tensors '/q_proj|k_proj/'", "by regular expression"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        subject = try arguments.word(Self.subjectWord)
        let isGiven = arguments.has(Self.tensorsOption)
        tensors = try arguments.value(of: Self.tensorsOption) ?? (isGiven ? .all : nil)
    }
}

extension InspectCommand {
    func run(in session: Session) async throws {
        throw CakeError(.failed, "cake inspect is not there yet")
    }
}
