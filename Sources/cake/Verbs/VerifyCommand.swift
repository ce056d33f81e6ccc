import Model
import Platform
import Store
import Transfer

struct VerifyCommand: Verb {
    /// Empty: everything in the store.
    let names: [String]
    let repairs: Bool

    private static let nameWord = Positional("NAME", .any, .model, "models to check; all of them without one")

    private static let repair = Flag("repair", "fetch what is damaged or missing, and nothing else, from the Hub")

    static let command = Command(
        Self.self, "verify", aliases: ["fsck"], for: .keep, "read layers again and check them against their names",
        about: [
            "Every layer is rebuilt and hashed. One that is damaged is set aside, so that it is never used, and the "
                + "models that need it are named.",
            "With --repair, the layers of models that came from the Hub are fetched again from the commit they came from, "
                + "by range, and checked; what came from elsewhere has to be imported again.",
        ],
        positionals: [nameWord],
        options: [repair.form],
        examples: [
            .init("cake verify", "the whole store"),
            .init("cake verify mistral-7b", "what one model needs"),
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
        guard let store = try session.existingStore() else {
            if let name = names.first { _ = try session.find(name) }
            return report([], [], of: 0, bytes: 0, in: session, owners: [:])
        }
        let (layers, owners, unreadable) = try wanted(from: store)
        let bytes = layers.reduce(0) { $0 + $1.size }
        let progress = Progress("verifying", items: "layers")
        progress.expect(bytes: bytes)
        let damages = try await session.reporter.show(progress) {
            try await store.verify(layers) { progress.did(bytes: $0) }
        }
        let outcomes = repairs ? try await repair(damages.map(\.layer), of: store, in: session) : []
        report(damages, outcomes, of: layers.count, bytes: bytes, in: session, owners: owners)
        if let first = unreadable.first {
            let others = unreadable.count > 1 ? " and \(unreadable.count - 1) other names" : ""
            throw CakeError(first.error.kind, "\(first.name)\(others): \(first.error.what)", fix: first.error.fix)
        }
        let mended = outcomes.count { $0.isMended }
        guard mended == damages.count else {
            let rest = damages.count - mended
            throw CakeError(
                .damaged, "\(rest) of \(layers.count) layers \(rest == 1 ? "is" : "are") damaged or missing",
                fix: repairs
                    ? "import or pull the models named above again"
                    : "cake verify --repair, or import or pull the models named above again: only what is missing is stored anew"
            )
        }
    }

    /// What became of each layer. Without a network nothing is mended, and each says why.
    private func repair(
        _ layers: [Layer], of store: LocalStore, in session: Session
    ) async throws -> [Repair.Outcome] {
        guard !layers.isEmpty else { return [] }
        let source: HubSource
        do throws(CakeError) {
            source = try session.hub(for: "cake verify --repair")
        } catch { return layers.map { _ in .failed(error) } }
        let progress = Progress("mending", items: "layers")
        let repair = Repair(from: source, into: store, progress: progress)
        return try await session.reporter.show(progress) {
            try await repair(layers) { layer in
                session.reporter.note("waiting for another cake that is fetching layer \(layer.digest.short)")
            }
        }
    }

    /// The layers to read, for each the models that need it, and the models that cannot be read.
    private func wanted(
        from store: LocalStore
    ) throws(CakeError) -> ([Layer], [Digest: [String]], [(name: ModelName, error: CakeError)]) {
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
            for layer in manifest.layers {
                if owners[layer.digest] == nil { layers.append(layer) }
                owners[layer.digest, default: []].append(one.name.description)
            }
        }
        return (names.isEmpty ? try store.everyLayer() : layers, owners, unreadable)
    }

    private func report(
        _ damages: [Damage], _ outcomes: [Repair.Outcome], of count: Int, bytes: UInt64, in session: Session,
        owners: [Digest: [String]]
    ) {
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
        guard case .mended = self else { return false }
        return true
    }

    fileprivate var words: String {
        switch self {
        case .mended(let name): "mended from where \(name) came from"
        case .failed(let error): "not mended: \(error.what)"
        }
    }
}
