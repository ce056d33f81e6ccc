import Model
import Remote
import Store
import Transfer

struct ListRemoteCommand: Verb {
    let name: String
    let revision: String?
    let showsRevisions: Bool
    let plainHTTP: Bool
    let endpoint: String?

    private static let nameWord = Positional(
        "NAME", .one, .nothing,
        "org/name[@revision], a short name, a Hub URL, a registry (host:port or host/), or host/path[:tag] in one; s3://bucket/path as well"
    )
    private static let refs = Flag("refs", "list branches and tags, and their commits, instead of files")

    static let command = Command(
        Self.self, "ls-remote", for: .look, "list the files of a model on the Hub or in a registry",
        about: [
            "For each file, shows its size, whether git stores only a pointer to it (LARGE), its SHA-256 if the Hub publishes it, and "
                + "whether the store has it under any name (HERE). Downloads no file.",
            "For a registry (host:port, host/ or oci://host), lists its repositories. For a repository in one (host/path), lists its "
                + "tags. For a tag (host/path:tag), lists the files of the model. A bucket (s3://bucket/prefix) is a registry.",
        ],
        positionals: [nameWord],
        options: [
            PullOptions.revisionOption.form, refs.form, RegistryOptions.plainHTTP.form, RegistryOptions.endpoint.form,
        ],
        examples: [
            .init("cake ls-remote org/name", "the files of the main branch"),
            .init("cake ls-remote org/name@v2", "the files of a tag"),
            .init("cake ls-remote org/name --refs", "the branches and tags"),
            .init("cake ls-remote registry.local:5000", "the repositories of a registry"),
            .init("cake ls-remote registry.local:5000/team/m:v1", "the files of a model in a registry"),
            .init("cake ls-remote s3://models/prod", "the repositories in a bucket"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        revision = try arguments.value(of: PullOptions.revisionOption)
        showsRevisions = arguments.has(Self.refs)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
        endpoint = try arguments.value(of: RegistryOptions.endpoint)
    }
}

extension ListRemoteCommand {
    func run(in session: Session) async throws {
        if let place = session.registryPlace(name) { return try await list(place, in: session) }
        if let list = try await bucketList(in: session) { return session.show(list) }
        if case .registry(let reference) = try session.settings.reference(name) {
            return try await list(reference, in: session)
        }
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

    /// What was typed may be a prefix with a registry's data, or a repository; nil where it is no such prefix.
    private func bucketList(in session: Session) async throws -> RepositoryList? {
        guard let place = try? S3Place(name) else { return nil }
        let client = try session.registry(inBucket: place.bucket, for: "cake ls-remote", endpoint: endpoint)
        let found = try await client.repositories(below: place.prefix)
        if found.names.isEmpty, !place.prefix.isEmpty { return nil }
        return RepositoryList(host: place.description, names: found.names, deeper: found.deeper)
    }

    /// The tags of a repository, or the files of the model that a tag or digest leads to.
    private func list(_ reference: RegistryReference, in session: Session) async throws {
        let client = try session.registry(
            reference, for: "cake ls-remote", plainHTTP: plainHTTP, endpoint: endpoint)
        let path = name.split(separator: "/").last ?? ""
        if showsRevisions || !path.contains(":") && !path.contains("@") {
            let tags = try await RemoteRepository(reference, client).tags()
            return session.show(TagList(reference: reference, tags: tags))
        }
        let store = try session.existingStore()
        switch try await RemoteFinding(reference.manifest, in: RemoteRepository(reference, client)) {
        case .cake(let remote):
            let files = try remote.model.files.map { file in
                let isHere = try file.segments.allSatisfy { try store?.contains($0.layer) ?? false }
                return RegistryFileList.Item(
                    path: file.path.string, size: file.size, digest: file.digest, isHere: isHere)
            }
            session.show(RegistryFileList(reference: reference, files: files))
        case .foreign(let remote):
            let here = try RemoteFiles(remote.model.files, in: store)
            let files = remote.model.files.map { file in
                RegistryFileList.Item(
                    path: file.path.string, size: file.size, digest: file.sha256 ?? .empty, isHere: here.has(file))
            }
            session.show(RegistryFileList(reference: reference, files: files, archives: remote.model.archives))
        }
    }
}
