import Model
import Platform
import Remote
import Store
import Transfer

struct PushCommand: Verb {
    let name: String
    let target: String
    let bases: [String]
    let chunkSize: UInt64?
    let bytesPerSecond: UInt64?
    let isDryRun: Bool
    let plainHTTP: Bool
    let proof: Proof?

    /// How much of what is reused is read first.
    enum Proof: String, CaseIterable {
        case all
    }

    private static let nameWord = Positional("NAME", .one, .model, "a model in the store")
    private static let targetWord = Positional("REF", .one, .nothing, "host[:port]/path[:tag]: where it goes")
    private static let baseOption = Option.text(
        "base", "REF", "a repository of the same registry whose packs may be reused, private or not"
    ).repeatable
    private static let chunk = Option<UInt64>(
        "chunk-size", "SIZE", "send packs in pieces of so many bytes, such as 64MB, where a proxy bears no more",
        read: Quantities.readBytes)
    private static let dryRun = Flag("dry-run", "say what would be sent, send nothing")

    private static let prove = Option<Proof>.choice("prove", "HOW", "read reused layers whole, not a sample of each")

    static let command = Command(
        Self.self, "push", for: .move, "send a model to an OCI registry, only the layers it lacks",
        about: [
            "Any registry of OCI distribution takes it: a manifest, an index that says where each layer lies, and packs of "
                + "layers. Layers that the repository has already, under any tag, are not sent again. Packs of other "
                + "repositories that models here were pushed to or pulled from are reused, too, when anyone may read "
                + "them without a login, when this model needs all of the pack, or when --base names the repository. "
                + "A fine-tune costs its own layers, and of those only the differences from its base.",
            "Before a layer is reused that this store neither pushed nor pulled itself, it is fetched (of a large one, a "
                + "sample), decoded and compared with the layer here. A pack that does not match is sent again.",
            "Everything is sent before the tag moves: who pulls gets the old model or the new one. Run again after a failure, "
                + "it sends what is not there yet.",
            "HTTPS is spoken, except to this machine itself and with --plain-http. Logins are those of docker, podman and "
                + "cake login HOST.",
        ],
        positionals: [nameWord, targetWord],
        options: [
            baseOption.form, prove.form, chunk.form, PullOptions.rate.form, RegistryOptions.plainHTTP.form, dryRun.form,
        ],
        examples: [
            .init("cake push mistral-ft registry.local:5000/team/mistral:v1", "to a team's registry"),
            .init("cake push my-tune ghcr.io/me/my-tune:v2 --dry-run", "what it would send"),
            .init("cake push my-tune localhost:5111/tune:v1 --base localhost:5111/base", "beside its base"),
        ],
        whenInterrupted:
            "packs that arrived whole stay there for a while; the same command sends the others, and the tag is as it was"
    )

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        target = try arguments.word(Self.targetWord)
        bases = try arguments.values(of: Self.baseOption)
        chunkSize = try arguments.value(of: Self.chunk)
        bytesPerSecond = try arguments.value(of: PullOptions.rate)
        isDryRun = arguments.has(Self.dryRun)
        proof = try arguments.value(of: Self.prove)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
    }
}

extension PushCommand {
    func run(in session: Session) async throws {
        let reference = try session.registryReference(target)
        guard let tag = reference.tag.flatMap({ TagName($0) }), reference.digest == nil else {
            throw CakeError(
                .usage, "\(target) names a digest, and what is pushed gets a tag",
                fix: "write \(reference.spelledHost)/\(reference.path):v1")
        }
        let (store, named) = try session.find(name)
        guard !named.record.isPartial else {
            throw CakeError(
                .failed, "\(named.name) was pulled in part, and is no whole model to push",
                fix: "cake pull \(named.name) completes it")
        }
        let manifest = try store.manifest(named.record.manifest)
        let client = try session.registry(reference, for: "cake push", plainHTTP: plainHTTP)
        let bases = try namedBases(beside: reference, in: session)
        let others = try others(than: reference, bases, manifest, store)
        var options = Push.Options()
        options.chunkSize = chunkSize
        options.bytesPerSecond = bytesPerSecond
        options.provesAll = proof == .all
        options.bases = Set(bases)
        options.annotations = store.annotations(of: named, manifest)
        let progress = Progress("looking at \(reference.storeName)", items: "layers")
        let start = ContinuousClock.now
        let push = Push(
            manifest, from: store, to: RemoteRepository(reference, client, for: [.pull, .push]), as: tag,
            beside: others.map { RemoteRepository(client, $0) }, progress: progress, options: options)
        if isDryRun {
            let outlook = try await session.reporter.show(progress) { try await push.outlook() }
            return session.show(PushOutlookSummary(outlook: outlook, reference: reference))
        }
        let report = try await session.reporter.show(progress) { try await push() }
        try store.note(named, pushedTo: reference)
        session.show(
            PushSummary(report: report, name: named.name, reference: reference, elapsed: .now - start))
    }

    private static let mostOthers = 4

    /// The repositories that were named with --base.
    private func namedBases(beside target: RegistryReference, in session: Session) throws(CakeError) -> [RepositoryName]
    {
        try bases.map { text throws(CakeError) in
            let base = try session.registryReference(text)
            guard base.host == target.host else {
                throw CakeError(
                    .usage, "--base \(text) is on another registry than \(target.host)",
                    fix: "cake copy \(text) \(target.spelledHost)/\(base.path) brings it there first")
            }
            return base.repository
        }
    }

    /// Repositories of the registry that may hold what this model is made of: those that were named, then the likeliest.
    private func others(
        than target: RegistryReference, _ named: [RepositoryName], _ manifest: Manifest, _ store: LocalStore
    ) throws(CakeError) -> [RepositoryName] {
        var found = named
        for repository in try store.repositories(sharing: manifest, on: target.host)
        where repository != target.repository && !found.contains(repository) && found.count < Self.mostOthers {
            found.append(repository)
        }
        return found
    }
}
