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
    let endpoint: String?
    let proof: Proof?
    /// Nil for cake's own.
    let shape: WrittenShape?
    let imageBase: String?

    /// How much of what is reused is read first.
    enum Proof: String, CaseIterable {
        case all
    }

    private static let nameWord = Positional("NAME", .one, .model, "a model in the store")
    private static let targetWord = Positional(
        "REF", .one, .nothing, "host[:port]/path[:tag]: the place in a registry, or s3://bucket/path[:tag]")
    private static let baseOption = Option.text(
        "base", "REF", "also reuse packs of this repository in the same registry"
    ).repeatable
    private static let chunk = Option<UInt64>(
        "chunk-size", "SIZE", "send packs in pieces of SIZE, such as 64MB, for a proxy that allows no more",
        read: Quantities.readBytes)
    private static let dryRun = Flag("dry-run", "show what would be sent, send nothing")

    private static let prove = Option<Proof>.choice("prove", "HOW", "check every byte of reused layers, not a sample")

    private static let shapeOption = Option<WrittenShape>.choice(
        "as", "SHAPE", "send the files as another tool reads them")
    private static let imageBaseOption = Option.text(
        "image-base", "REF", "with --as image: put the model on the layers of this image")

    static let command = Command(
        Self.self, "push", for: .move, "upload a model to an OCI registry, only the layers it lacks",
        about: [
            "Works with any OCI registry. A model is a manifest, an index of its layers, and packs of layers. Layers that the "
                + "repository has under any tag are not sent again. Packs of other repositories that models here were pushed to or "
                + "pulled from are reused if they can be read without a login, if this model needs the whole pack, or if --base "
                + "names the repository. A fine-tune sends only its own layers, as deltas against its base.",
            "Before cake reuses a layer that this store neither pushed nor pulled, it downloads the layer, or a sample of a large one, "
                + "and compares it with the layer here. If it does not match, its pack is sent again.",
            "--as modelpack sends an artifact of the CNCF's ModelPack, with a layer for each file. --as image sends an image with the "
                + "files in /models, which Kubernetes mounts. Files are then sent whole, and read from the store as they are sent. "
                + "A registry that has a file as it is does not get it again.",
            "s3://bucket/path[:tag] is a place in object storage, in the layout of a registry and without a server. Who may read the "
                + "bucket may read the model: no rule of a server counts there.",
            "The tag moves last, so a pull gets the old model or the new one. After a failure, run the same command to send the rest.",
            "Uses HTTPS, except for this machine and with --plain-http. Uses the logins of docker, podman and cake login HOST.",
        ],
        positionals: [nameWord, targetWord],
        options: [
            shapeOption.form, imageBaseOption.form, baseOption.form, prove.form, chunk.form, PullOptions.rate.form,
            RegistryOptions.plainHTTP.form, RegistryOptions.endpoint.form, dryRun.form,
        ],
        examples: [
            .init("cake push mistral-ft registry.local:5000/team/mistral:v1", "to the registry of a team"),
            .init("cake push my-tune ghcr.io/me/my-tune:v2 --dry-run", "what it would send"),
            .init(
                "cake push my-tune localhost:5111/tune:v1 --base localhost:5111/base", "reuse the layers of its base"),
            .init("cake push my-tune s3://models/team/tune:v1", "into a bucket"),
            .init("cake push my-tune ghcr.io/me/my-tune:v2-image --as image", "as an image that a cluster mounts"),
        ],
        whenInterrupted:
            "the registry keeps complete packs for a while; run the same command to resume. The tag did not move"
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
        endpoint = try arguments.value(of: RegistryOptions.endpoint)
        shape = try arguments.value(of: Self.shapeOption)
        imageBase = try arguments.value(of: Self.imageBaseOption)
        try checkShape()
    }

    /// What `cake copy` pulled.
    init(_ name: ModelName, to target: String, as shape: WrittenShape?, bytesPerSecond: UInt64?, plainHTTP: Bool) {
        (self.name, self.target, self.shape) = (name.string, target, shape)
        (self.bytesPerSecond, self.plainHTTP) = (bytesPerSecond, plainHTTP)
        (bases, chunkSize, isDryRun, proof, imageBase, endpoint) = ([], nil, false, nil, nil, nil)
    }
}

extension PushCommand {
    func run(in session: Session) async throws {
        let reference = try session.registryReference(target)
        guard let tag = reference.tag.flatMap({ TagName($0) }), reference.digest == nil else {
            throw CakeError(
                .usage, "\(target) names a digest, and a push needs a tag",
                fix: "write \(reference.spelledHost)/\(reference.path):v1")
        }
        let (store, named) = try session.find(name)
        guard !named.record.isPartial else {
            throw CakeError(
                .failed, "only a part of \(named.name) was pulled, so it cannot be pushed",
                fix: "\(named.record.completing(named.name)) downloads the rest")
        }
        let manifest = try store.manifest(named.record.manifest)
        let client = try session.registry(reference, for: "cake push", plainHTTP: plainHTTP, endpoint: endpoint)
        if let shape {
            return try await send(named, of: store, as: shape, to: reference, tag, by: client, in: session)
        }
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
                    fix: "cake copy \(text) \(target.spelledHost)/\(base.path) copies it there first")
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
