import Model
import Platform
import Remote
import Store
import Transfer

struct VerifyCommand: Verb {
    /// Empty: everything in the store. One may be the path of an archive.
    let names: [String]
    let repairs: Bool
    /// The names are of models in registries.
    let isRemote: Bool
    let plainHTTP: Bool
    /// Of the whole store.
    let share: VerifiedShare

    private static let nameWord = Positional(
        "NAME", .any, .modelOrPath, "models to check, or archives; the whole store without one")

    private static let repair = Flag("repair", "fetch what is damaged or missing, and nothing else, from the Hub")

    private static let remote = Flag("remote", "read the model in its registry, also when the store has it")
    private static let subset = Option(
        "subset", "N/T", "check the n-th of t parts of the store's layers and blobs, as 1/7 on Mondays",
        read: { text throws(CakeError) in try VerifiedShare(parsing: text) })

    static let command = Command(
        Self.self, "verify", aliases: ["fsck"], for: .keep, "read layers again and check them against their names",
        about: [
            "Every layer is rebuilt and hashed. One that is damaged is set aside, so that it is never used, and the "
                + "models that need it are named.",
            "With --repair, the layers of models that came from the Hub are fetched again from the commit they came from, "
                + "by range, and checked; what came from elsewhere has to be imported again.",
            "A model that is not in the store, and is written like one of a registry, is read there: every layer is fetched, "
                + "decoded and compared with its digest, and every file's SHA-256 is checked. Nothing is kept.",
            "Without NAME it also reads what cake serve keeps: blobs, packs and manifests that were pushed. One that is damaged is "
                + "set aside: the server then says that it does not have it, and the next push brings it. With --repair, "
                + "manifests and packs that the server made of the store's models are made again.",
            "A path to an archive that cake export --format fast wrote is read to its last byte and compared with the "
                + "digests inside; that needs no store.",
        ],
        positionals: [nameWord],
        options: [repair.form, subset.form, remote.form, RegistryOptions.plainHTTP.form],
        examples: [
            .init("cake verify", "the whole store"),
            .init("cake verify mistral-7b", "what one model needs"),
            .init("cake verify ./model.pt", "an archive"),
            .init("cake verify registry.local:5000/team/m:v1", "what was pushed there"),
            .init("cake verify --repair", "and mend it from where it came"),
            .init("cake verify --subset 3/7", "a seventh of the store; with 1/7 to 7/7 all of it"),
        ],
        whenInterrupted: "nothing was changed but damaged layers set aside; run it again to check the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        repairs = arguments.has(Self.repair)
        isRemote = arguments.has(Self.remote)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
        share = try arguments.value(of: Self.subset) ?? .all
        guard share.of == 1 || names.isEmpty else {
            throw CakeError(
                .usage, "--subset is a part of the whole store", fix: "leave the names away, or leave --subset away")
        }
    }
}

extension VerifyCommand {
    func run(in session: Session) async throws {
        let archives = try names.filter(VerifyCommand.isArchive)
        guard archives.isEmpty else {
            guard archives.count == names.count else {
                throw CakeError(
                    .usage, "some of these are archives, and some are models", fix: "verify them one by one")
            }
            guard !repairs else {
                throw CakeError(
                    .usage, "--repair mends the store, and no archive", fix: "cake export writes the archive again")
            }
            return try await VerifyArchives(paths: names)(in: session)
        }
        let pushed = try pushed(in: session)
        guard pushed.isEmpty else {
            return try await VerifyPushed(references: pushed, plainHTTP: plainHTTP)(in: session)
        }
        guard let store = try session.existingStore() else {
            if let name = names.first { _ = try session.find(name) }
            return report([], [], of: 0, bytes: 0, in: session, owners: [:])
        }
        let (layers, owners, unreadable, partial) = try wanted(from: store, in: session)
        for one in partial {
            session.reporter.note(
                "\(one.name) was pulled in part and was never checked against its publisher's hash: "
                    + one.record.missingText)
        }
        let bytes = layers.reduce(UInt64(0)) { $0.clampedSum($1.size) }
        let progress = Progress("verifying", items: "layers")
        progress.expect(bytes: bytes)
        let damages = try await session.reporter.show(progress) {
            try await store.verify(layers) { progress.did(bytes: $0) }
        }
        let outcomes = repairs ? try await repair(damages, of: store, in: session) : []
        let registry = names.isEmpty ? try await verifyRegistry(of: store, in: session) : nil
        report(damages, outcomes, of: layers.count, bytes: bytes, in: session, owners: owners, registry)
        if let first = unreadable.first {
            let others = unreadable.count > 1 ? " and \(unreadable.count - 1) other names" : ""
            throw CakeError(first.error.kind, "\(first.name)\(others): \(first.error.what)", fix: first.error.fix)
        }
        let mended = outcomes.count { $0.isMended }
        if mended == damages.count { try registry?.throwIfDamaged(repairs: repairs) }
        guard mended == damages.count else {
            let rest = damages.count - mended
            throw CakeError(
                .damaged,
                "\(rest) of \(max(layers.count, damages.count)) layers \(rest == 1 ? "is" : "are") damaged or missing",
                fix: repairs
                    ? "import or pull the models named above again"
                    : "cake verify --repair, or import or pull the models named above again: only what is missing is stored anew"
            )
        }
    }

    /// Models that are looked at in their registries: with --remote all, else those that are not here.
    private func pushed(in session: Session) throws(CakeError) -> [RegistryReference] {
        if isRemote, names.isEmpty {
            throw CakeError(
                .usage, "--remote needs a model's name", fix: "cake verify --remote registry.local:5000/team/m:v1")
        }
        var found: [RegistryReference] = []
        for name in names {
            if isRemote {
                found.append(try session.registryReference(name))
            } else if case .registry(let reference) = try? session.settings.reference(name), !session.has(name) {
                found.append(reference)
            }
        }
        guard found.isEmpty || found.count == names.count else {
            throw CakeError(
                .usage, "some of these are in the store, and some in a registry", fix: "verify them one by one")
        }
        guard found.isEmpty || !repairs else {
            throw CakeError(
                .usage, "--repair mends the store, and no registry", fix: "cake push sends what is damaged there again")
        }
        return found
    }

    private static func isArchive(_ word: String) throws(CakeError) -> Bool {
        if Session.isPath(word) { return true }
        guard word.lowercased().hasSuffix(".pt") else { return false }
        return try Disk.status(word)?.kind == .file
    }

    /// What became of each layer. Without a network nothing is mended, and each says why.
    private func repair(
        _ damages: [Damage], of store: LocalStore, in session: Session
    ) async throws -> [Repair.Outcome] {
        guard !damages.isEmpty else { return [] }
        let source: HubSource
        do throws(CakeError) {
            source = try session.hub(for: "cake verify --repair")
        } catch { return damages.map { _ in .failed(error) } }
        let progress = Progress("mending", items: "layers")
        let repair = Repair(from: source, into: store, progress: progress)
        return try await session.reporter.show(progress) {
            try await repair(damages) { layer in
                session.reporter.note("waiting for another cake that is fetching layer \(layer.digest.short)")
            }
        }
    }

    /// The layers to read, for each the models that need it, and the models that cannot be read.
    private func wanted(
        from store: LocalStore, in session: Session
    ) throws(CakeError) -> ([Layer], [Digest: [String]], [(name: ModelName, error: CakeError)], [LocalStore.Named]) {
        var partial: [LocalStore.Named] = []
        var owners: [Digest: [String]] = [:]
        var layers: [Layer] = []
        var unreadable: [(name: ModelName, error: CakeError)] = []
        var named: [LocalStore.Named] = []
        if names.isEmpty { named = try store.names() }
        for name in names { named.append(try session.find(name).named) }
        for one in named {
            let manifest: Manifest
            do {
                manifest = try store.manifest(one.record.manifest)
            } catch {
                unreadable.append((one.name, error))
                continue
            }
            if one.record.isPartial { partial.append(one) }
            for layer in manifest.layers {
                if owners[layer.digest] == nil { layers.append(layer) }
                owners[layer.digest, default: []].append(one.name.description)
            }
        }
        let all = names.isEmpty ? try store.everyLayer().filter { share.has($0.digest) } : layers
        return (all, owners, unreadable, partial)
    }

    /// A damaged base hits the models of its deltas, too.
    private static func owners(_ owners: [Digest: [String]], through damages: [Damage]) -> [Digest: [String]] {
        var all = owners
        for damage in damages {
            guard let base = damage.base else { continue }
            let known = all[base.digest] ?? []
            all[base.digest] = known + (owners[damage.layer.digest] ?? []).filter { !known.contains($0) }
        }
        return all
    }

    private func report(
        _ damages: [Damage], _ outcomes: [Repair.Outcome], of count: Int, bytes: UInt64, in session: Session,
        owners: [Digest: [String]], _ registry: RegistryVerification? = nil
    ) {
        let owners = Self.owners(owners, through: damages)
        if session.settings.isJSON {
            let entries = damages.enumerated().map { index, damage -> JSONValue in
                var entry = JSONObject()
                entry.append("layer", JSONValue(damage.layer.digest.hex))
                entry.append("why", JSONValue(damage.why))
                entry.append("models", .array((owners[damage.layer.digest] ?? []).map { JSONValue($0) }))
                if index < outcomes.count {
                    entry.append("mended", .bool(outcomes[index].isMended))
                    if case .failed(let error) = outcomes[index] { entry.append("problem", JSONValue(error.what)) }
                }
                return .object(entry)
            }
            var document = JSONObject()
            document.append("layers", JSONValue(count))
            document.append("bytes", JSONValue(bytes))
            document.append("damaged", .array(entries))
            if let registry { document.append("registry", registry.document) }
            session.show(.object(document))
            return
        }
        for (index, damage) in damages.enumerated() {
            let models = owners[damage.layer.digest] ?? []
            let hit = models.isEmpty ? "no model needs it" : "needed by \(models.joined(separator: ", "))"
            let outcome = index < outcomes.count ? "; " + outcomes[index].words : ""
            session.output.line("\(damage.layer.digest.short)  \(damage.why); \(hit)\(outcome)")
        }
        if damages.isEmpty, !session.settings.isQuiet {
            session.output.line("\(count) layers, \(Quantities.bytes(bytes)): every byte is as its name says")
        }
        for line in registry?.lines(isQuiet: session.settings.isQuiet, repairs: repairs) ?? [] {
            session.output.line(line)
        }
    }
}

extension Repair.Outcome {
    fileprivate var isMended: Bool {
        switch self {
        case .mended, .readable, .unneeded: true
        case .failed: false
        }
    }

    fileprivate var words: String {
        switch self {
        case .mended(let name): "mended from where \(name) came from"
        case .readable: "mended with its base"
        case .unneeded: "not needed any more"
        case .failed(let error): "not mended: \(error.what)"
        }
    }
}
