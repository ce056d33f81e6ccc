import Model
import Platform
import Remote
import Transfer

struct ListRemoteCommand: Verb {
    let name: String
    let revision: String?
    let showsRevisions: Bool
    let plainHTTP: Bool

    private static let nameWord = Positional(
        "NAME", .one, .nothing, "org/name[@revision], a short name, a Hub URL, or a registry: host:port, host/")
    private static let revisionOption = Option.text("revision", "REVISION", "a branch, a tag or a commit")
    private static let refs = Flag("refs", "the branches and tags instead, and the commits they point to")

    static let command = Command(
        Self.self, "ls-remote", for: .look, "list the files of a model on the Hub, or what a registry has",
        about: [
            "For each file: its size, whether git keeps only a pointer to it (large), its SHA-256 where the Hub tells, and "
                + "whether the store has it, under whatever name. No file is fetched.",
            "Of a registry (host:port, host/ or oci://host) its repositories are listed, where it tells.",
        ],
        positionals: [nameWord],
        options: [revisionOption.form, refs.form, RegistryOptions.plainHTTP.form],
        examples: [
            .init("cake ls-remote org/name", "the files of main"),
            .init("cake ls-remote org/name@v2", "those of a tag"),
            .init("cake ls-remote org/name --refs", "what there is besides main"),
            .init("cake ls-remote registry.local:5000", "the repositories of a registry"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        revision = try arguments.value(of: Self.revisionOption)
        showsRevisions = arguments.has(Self.refs)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
    }
}

extension ListRemoteCommand {
    func run(in session: Session) async throws {
        if let place = session.registryPlace(name) { return try await list(place, in: session) }
        let reference = try session.hubReference(name).at(revision)
        let source = try session.hub(for: "cake ls-remote")
        if showsRevisions { return show(try await source.revisions(of: reference.repository), in: session) }
        let snapshot = try await source.snapshot(of: reference)
        let files = try RemoteFiles(snapshot, in: try session.existingStore())
        if session.settings.isJSON { return show(files, of: snapshot, in: session) }
        guard !snapshot.files.isEmpty else { return session.reporter.note("\(reference.storeName) has no files") }
        let isWide = session.terminal.width(.output) == nil
        session.show(Self.table(snapshot.files, isHere: files.has, showsWholeDigests: isWide))
    }

    private func list(_ place: RegistryPlace, in session: Session) async throws {
        let host = place.host
        let client = try session.registry(place, for: "cake ls-remote", plainHTTP: plainHTTP)
        let names = try await client.repositories()
        if session.settings.isJSON { return session.show(.array(names.map { JSONValue($0) })) }
        guard !names.isEmpty else {
            return session.reporter.note("\(host) lists no repositories: there are none, or it does not tell")
        }
        for name in names { session.output.line("\(host)/\(Printable.escape(name))") }
    }

    static func table(
        _ files: [SnapshotFile], isHere: (SnapshotFile) -> Bool, showsWholeDigests: Bool
    ) -> Table {
        var table = Table([
            .init(title: "PATH", importance: 9, leastWidth: 14, keepsEnd: true),
            .init(title: "SIZE", alignment: .right, importance: 8), .init(title: "LARGE", importance: 2),
            .init(title: "SHA-256", importance: 3), .init(title: "HERE", importance: 7),
        ])
        for file in files {
            let digest = file.sha256.map { showsWholeDigests ? $0.hex : $0.short } ?? ""
            table.add([
                Table.Cell(file.path.string), Table.Cell(Quantities.bytes(file.size)), file.isLarge ? "yes" : "",
                Table.Cell(digest, .faint), isHere(file) ? Table.Cell("yes", .good) : "",
            ])
        }
        return table
    }

    private func show(_ files: RemoteFiles, of snapshot: Snapshot, in session: Session) {
        let document: JSONObject = JSONObject([
            .init(key: "source", value: JSONValue(snapshot.repository.description)),
            .init(key: "revision", value: JSONValue(snapshot.revision ?? Revision.main)),
            .init(key: "commit", value: JSONValue(snapshot.commit)),
            .init(key: "bytes", value: JSONValue(snapshot.size)),
        ])
        session.show(
            document, "files",
            snapshot.files.lazy.map { file in
                [
                    "path": JSONValue(file.path.string), "bytes": JSONValue(file.size), "large": .bool(file.isLarge),
                    "sha256": JSONValue(file.sha256?.hex), "blob": JSONValue(file.blob?.hex),
                    "in_store": .bool(files.has(file)),
                ]
            })
    }

    private func show(_ revisions: HubRevisions, in session: Session) {
        if session.settings.isJSON {
            func list(_ entries: [HubRevisions.Entry]) -> JSONValue {
                .array(entries.map { ["name": JSONValue($0.name), "commit": JSONValue($0.commit)] })
            }
            return session.show(["branches": list(revisions.branches), "tags": list(revisions.tags)])
        }
        var table = Table([
            .init(title: "KIND", importance: 2), .init(title: "NAME", importance: 9, leastWidth: 12),
            .init(title: "COMMIT", importance: 8, leastWidth: 8),
        ])
        for (kind, entries) in [("branch", revisions.branches), ("tag", revisions.tags)] {
            for entry in entries {
                table.add([Table.Cell(kind), Table.Cell(entry.name, .strong), Table.Cell(entry.commit ?? "")])
            }
        }
        session.show(table)
    }
}
