import Model
import Platform
import Store
import Transfer

struct VerifyCommand: Verb {
    /// Empty: everything in the store. One may be the path of an archive.
    let names: [String]
    let repairs: Bool

    private static let nameWord = Positional(
        "NAME", .any, .modelOrPath, "models to check, or archives; the whole store without one")

    private static let repair = Flag("repair", "fetch what is damaged or missing, and nothing else, from the Hub")

    static let command = Command(
        Self.self, "verify", aliases: ["fsck"], for: .keep, "read layers again and check them against their names",
        about: [
            "Every layer is rebuilt and hashed. One that is damaged is set aside, so that it is never used, and the "
                + "models that need it are named.",
            "With --repair, the layers of models that came from the Hub are fetched again from the commit they came from, "
                + "by range, and checked; what came from elsewhere has to be imported again.",
            "A path to an archive that cake export --format fast wrote is read to its last byte and compared with the "
                + "digests inside; that needs no store.",
        ],
        positionals: [nameWord],
        options: [repair.form],
        examples: [
            .init("cake verify", "the whole store"),
            .init("cake verify mistral-7b", "what one model needs"),
            .init("cake verify ./model.pt", "an archive"),
            .init("cake verify --repair", "and mend it from where it came"),
        ],
        whenInterrupted: "nothing was changed but damaged layers set aside; run it again to check the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        repairs = arguments.has(Self.repair)
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
        guard let store = try session.existingStore() else {
            if let name = names.first { _ = try session.find(name) }
            return report([], [], of: 0, bytes: 0, in: session, owners: [:])
        }
        let (layers, owners, unreadable, partial) = try wanted(from: store)
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
        report(damages, outcomes, of: layers.count, bytes: bytes, in: session, owners: owners)
        if let first = unreadable.first {
            let others = unreadable.count > 1 ? " and \(unreadable.count - 1) other names" : ""
            throw CakeError(first.error.kind, "\(first.name)\(others): \(first.error.what)", fix: first.error.fix)
        }
        let mended = outcomes.count { $0.isMended }
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
        from store: LocalStore
    ) throws(CakeError) -> ([Layer], [Digest: [String]], [(name: ModelName, error: CakeError)], [LocalStore.Named]) {
        var partial: [LocalStore.Named] = []
        var owners: [Digest: [String]] = [:]
        var layers: [Layer] = []
        var unreadable: [(name: ModelName, error: CakeError)] = []
        var named: [LocalStore.Named] = []
        if names.isEmpty { named = try store.names() }
        for name in names { named.append(try store.find(name)) }
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
        return (names.isEmpty ? try store.everyLayer() : layers, owners, unreadable, partial)
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
        owners: [Digest: [String]]
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
            session.show(["layers": JSONValue(count), "bytes": JSONValue(bytes), "damaged": .array(entries)])
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
