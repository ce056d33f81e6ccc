import Model
import Remote

struct TagsCommand: Verb {
    let name: String
    let plainHTTP: Bool

    private static let nameWord = Positional(
        "REF", .one, .nothing, "host[:port]/path of a registry, or org/name of the Hub")

    static let command = Command(
        Self.self, "tags", for: .look, "list the tags of a repository in a registry or on the Hub",
        about: [
            "For a repository of the Hub, lists branches and tags with their commits, as cake ls-remote --refs does."
        ],
        positionals: [nameWord], options: [RegistryOptions.plainHTTP.form],
        examples: [
            .init("cake tags registry.local:5000/team/m", "the tags in a registry"),
            .init("cake tags org/name", "the branches and tags on the Hub"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
    }
}

extension TagsCommand {
    func run(in session: Session) async throws {
        if let place = session.registryPlace(name) {
            throw CakeError(
                .usage, "\(Printable.escape(name)) is a registry, and tags belong to a repository in it",
                fix: "cake ls-remote \(place.host)/ lists its repositories")
        }
        if case .hub(let reference) = try session.settings.reference(name) {
            let source = try session.hub(for: "cake tags")
            return session.show(RevisionList(revisions: try await source.revisions(of: reference.repository)))
        }
        let reference = try session.registryReference(name)
        let client = try session.registry(reference, for: "cake tags", plainHTTP: plainHTTP)
        let tags = try await RemoteRepository(reference, client).tags()
        session.show(TagList(reference: reference, tags: tags))
    }
}
