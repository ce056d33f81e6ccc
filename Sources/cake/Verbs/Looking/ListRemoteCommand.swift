import Model
import Remote
import Transfer

struct ListRemoteCommand: Verb {
    let name: String
    let revision: String?
    let showsRevisions: Bool
    let plainHTTP: Bool

    private static let nameWord = Positional(
        "NAME", .one, .nothing, "org/name[@revision], a short name, a Hub URL, or a registry: host:port, host/")
    private static let refs = Flag("refs", "the branches and tags instead, and the commits they point to")

    static let command = Command(
        Self.self, "ls-remote", for: .look, "list the files of a model on the Hub, or what a registry has",
        about: [
            "For each file: its size, whether git keeps only a pointer to it (large), its SHA-256 where the Hub tells, and "
                + "whether the store has it, under whatever name. No file is fetched.",
            "Of a registry (host:port, host/ or oci://host) its repositories are listed, where it tells.",
        ],
        positionals: [nameWord],
        options: [PullOptions.revisionOption.form, refs.form, RegistryOptions.plainHTTP.form],
        examples: [
            .init("cake ls-remote org/name", "the files of main"),
            .init("cake ls-remote org/name@v2", "those of a tag"),
            .init("cake ls-remote org/name --refs", "what there is besides main"),
            .init("cake ls-remote registry.local:5000", "the repositories of a registry"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        revision = try arguments.value(of: PullOptions.revisionOption)
        showsRevisions = arguments.has(Self.refs)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
    }
}

extension ListRemoteCommand {
    func run(in session: Session) async throws {
        if let place = session.registryPlace(name) { return try await list(place, in: session) }
        let reference = try session.hubReference(name).at(revision)
        let source = try session.hub(for: "cake ls-remote")
        if showsRevisions {
            return session.show(RevisionList(revisions: try await source.revisions(of: reference.repository)))
        }
        let snapshot = try await source.snapshot(of: reference)
        let here = try RemoteFiles(snapshot, in: try session.existingStore())
        session.show(RemoteFileList(reference: reference, snapshot: snapshot, here: here))
    }

    private func list(_ place: RegistryPlace, in session: Session) async throws {
        let client = try session.registry(place, for: "cake ls-remote", plainHTTP: plainHTTP)
        session.show(RepositoryList(host: place.host, names: try await client.repositories()))
    }
}
