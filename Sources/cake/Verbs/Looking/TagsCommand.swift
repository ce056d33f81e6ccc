import Model
import Remote

struct TagsCommand: Verb {
    let name: String
    let plainHTTP: Bool

    private static let nameWord = Positional("REF", .one, .nothing, "host[:port]/path: a repository of a registry")

    static let command = Command(
        Self.self, "tags", for: .look, "list the tags of a repository in a registry",
        positionals: [nameWord], options: [RegistryOptions.plainHTTP.form],
        examples: [.init("cake tags registry.local:5000/team/m", "what there is of a model")])

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
    }
}

extension TagsCommand {
    func run(in session: Session) async throws {
        let reference = try session.registryReference(name)
        let client = try session.registry(reference, for: "cake tags", plainHTTP: plainHTTP)
        let tags = try await RemoteRepository(reference, client).tags()
        session.show(TagList(reference: reference, tags: tags))
    }
}
