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
        let others = try others(than: reference, of: manifest, store, session)
        var options = Push.Options()
        options.chunkSize = chunkSize
        options.bytesPerSecond = bytesPerSecond
        options.provesAll = proof == .all
        options.bases = Set(try bases.map { base throws(CakeError) in try session.registryReference(base).repository })
        options.annotations = store.annotations(of: named, manifest)
        let progress = Progress("looking at \(reference.storeName)", items: "layers")
        let start = ContinuousClock.now
        let push = Push(
            manifest, from: store, to: RemoteRepository(reference, client, for: [.pull, .push]), as: tag,
            beside: others.map { RemoteRepository(client, $0) }, progress: progress, options: options)
        if isDryRun {
            return tell(try await session.reporter.show(progress) { try await push.outlook() }, reference, session)
        }
        let report = try await session.reporter.show(progress) { try await push() }
        try remember(reference, named, store)
        if session.settings.isJSON {
            session.show(document(report, reference))
        } else if !session.settings.isQuiet {
            tell(report, named.name, reference, after: .now - start, session)
        }
    }

    private static let mostOthers = 4

    /// Repositories of the registry that may hold what this model is made of: those that were named, then those that models
    /// here with most layers in common came from or went to.
    private func others(
        than target: RegistryReference, of manifest: Manifest, _ store: LocalStore, _ session: Session
    ) throws(CakeError) -> [RepositoryName] {
        var found: [RepositoryName] = []
        for text in bases {
            let base = try session.registryReference(text)
            guard base.host == target.host else {
                throw CakeError(
                    .usage, "--base \(text) is on another registry than \(target.host)",
                    fix: "cake copy \(text) \(target.spelledHost)/\(base.path) brings it there first")
            }
            found.append(base.repository)
        }
        let prefix = "oci://\(target.host)/"
        var wanted: Set<Digest> = []
        for layer in manifest.layers {
            wanted.insert(layer.digest)
            if let base = try store.base(of: layer) { wanted.insert(base) }
        }
        var ranked: [(score: Int, repositories: [RepositoryName])] = []
        for named in try store.allNames() {
            let places = named.record.pushed.reversed() + [named.record.source].compactMap(\.self)
            let repositories = places.filter { $0.hasPrefix(prefix) }.compactMap {
                RepositoryName(String($0.dropFirst(prefix.count)))
            }
            guard !repositories.isEmpty, let other = try? store.manifest(named.record.manifest) else { continue }
            let score = other.layers.count { wanted.contains($0.digest) }
            if score > 0 { ranked.append((score, repositories)) }
        }
        ranked.sort { $0.score > $1.score }
        for repository in ranked.flatMap(\.repositories)
        where repository != target.repository && !found.contains(repository) && found.count < Self.mostOthers {
            found.append(repository)
        }
        return found
    }

    /// So that models made from this one find its layers there.
    private func remember(
        _ reference: RegistryReference, _ named: LocalStore.Named, _ store: LocalStore
    ) throws(CakeError) {
        guard store.isWritable, named.place == nil, try store.record(of: named.name) != nil else { return }
        let place = "oci://\(reference.host)/\(reference.path)"
        try store.update(named.name, in: Operation(store)) { old in
            guard var record = old else { return nil }
            record.pushed = record.pushed.filter { $0 != place } + [place]
            return record
        }
    }

    private func tell(
        _ report: Push.Report, _ name: ModelName, _ reference: RegistryReference, after elapsed: Duration,
        _ session: Session
    ) {
        let title = session.style.paint(reference.storeName, .strong)
        session.output.line(
            "pushed \(name) to \(title)  \(report.digest.hex.prefix(12))  in \(Quantities.duration(elapsed))")
        session.output.line(
            "  \(Quantities.bytes(report.bytes)) of files, \(report.layers) layers in \(Self.packs(report.packs))")
        var line = "  \(Quantities.bytes(report.bytesSent)) sent, for \(report.layersSent) layers"
        let there = report.packs - report.packsSent - report.packsMounted
        if there > 0 { line += "; \(Self.packs(there)) there already" }
        session.output.line(line)
        for one in report.reused {
            session.output.line("  \(Self.packs(one.packs)) reused from \(one.repository)")
        }
        for one in report.refused {
            let verb = one.packs == 1 ? "is" : "are"
            session.show(
                detail:
                    "\(Self.packs(one.packs)) of \(one.repository) \(verb) \(one.isMissing ? "missing" : "damaged"): sent again"
            )
        }
        if report.layersRecoded > 0 {
            session.show(
                detail:
                    "\(report.layersRecoded) deltas were sent whole: their base is not in a pack that may be reused; push the base first, or name its repository with --base"
            )
        }
        if let before = report.replaced {
            session.output.line("  the tag moved: it was \(before.hex.prefix(12)) before")
        }
        if report.isSame { session.output.line("  the tag was there already, and means the same") }
    }

    private static func packs(_ count: Int) -> String { count == 1 ? "1 pack" : "\(count) packs" }

    private func tell(_ outlook: Push.Outlook, _ reference: RegistryReference, _ session: Session) {
        if session.settings.isJSON {
            return session.show([
                "reference": JSONValue(reference.storeName), "dry_run": .bool(true),
                "bytes_to_send": JSONValue(outlook.bytesToSend), "packs": JSONValue(outlook.packs),
                "packs_to_send": JSONValue(outlook.packsToSend), "layers": JSONValue(outlook.layers),
                "layers_to_send": JSONValue(outlook.layersToSend),
                "layers_to_recode": JSONValue(outlook.layersToRecode),
                "layers_to_prove": JSONValue(outlook.layersToProve), "reused_from": Self.document(outlook.reused),
            ])
        }
        let most = outlook.layersToRecode > 0 ? "at most " : ""
        session.output.line(
            "would send \(most)\(Quantities.bytes(outlook.bytesToSend)): \(outlook.layersToSend) of \(outlook.layers) layers, in \(outlook.packsToSend) new packs of \(outlook.packs)"
        )
        for one in outlook.reused {
            session.output.line("  would reuse \(Self.packs(one.packs)) from \(one.repository)")
        }
        if outlook.layersToProve > 0 {
            let layers = outlook.layersToProve == 1 ? "1 layer" : "\(outlook.layersToProve) layers"
            session.show(detail: "\(layers) there would be checked first, and sent again if damaged")
        }
    }

    private static func document(_ counts: [Push.Count]) -> JSONValue {
        .array(
            counts.map { one in
                ["repository": JSONValue(one.repository.text), "packs": JSONValue(one.packs)]
            })
    }

    private func document(_ report: Push.Report, _ reference: RegistryReference) -> JSONValue {
        [
            "reference": JSONValue(reference.storeName), "digest": JSONValue("\(report.digest)"),
            "bytes": JSONValue(report.bytes), "bytes_sent": JSONValue(report.bytesSent),
            "layers": JSONValue(report.layers), "layers_sent": JSONValue(report.layersSent),
            "layers_recoded": JSONValue(report.layersRecoded), "packs": JSONValue(report.packs),
            "packs_sent": JSONValue(report.packsSent), "packs_mounted": JSONValue(report.packsMounted),
            "reused_from": Self.document(report.reused),
            "damaged": Self.document(report.refused.filter { !$0.isMissing }),
            "missing": Self.document(report.refused.filter(\.isMissing)),
            "unchanged": .bool(report.isSame), "replaced": JSONValue(report.replaced.map { "\($0)" }),
        ]
    }
}
