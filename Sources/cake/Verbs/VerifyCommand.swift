import Model
import Platform
import Store
import Transfer

struct VerifyCommand: Verb {
    /// Empty: everything in the store.
    let names: [String]

    private static let nameWord = Positional("NAME", .any, .model, "models to check; all of them without one")

    static let command = Command(
        Self.self, "verify", aliases: ["fsck"], for: .keep, "read layers again and check them against their names",
        about: [
            "Every layer is rebuilt and hashed. One that is damaged is set aside, so that it is never used, and the "
                + "models that need it are named."
        ],
        positionals: [nameWord],
        examples: [
            .init("cake verify", "the whole store"),
            .init("cake verify mistral-7b", "what one model needs"),
        ],
        whenInterrupted: "nothing was changed but damaged layers set aside; run it again to check the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
    }
}

extension VerifyCommand {
    func run(in session: Session) async throws {
        guard let store = try session.existingStore() else {
            if let name = names.first { _ = try session.find(name) }
            return report([], of: 0, bytes: 0, in: session, owners: [:])
        }
        let (layers, owners, unreadable) = try wanted(from: store)
        let bytes = layers.reduce(0) { $0 + $1.size }
        let progress = Progress("verifying", items: "layers")
        progress.expect(bytes: bytes)
        let damages = try await session.reporter.show(progress) {
            try await store.verify(layers) { progress.did(bytes: $0) }
        }
        report(damages, of: layers.count, bytes: bytes, in: session, owners: owners)
        if let first = unreadable.first {
            let others = unreadable.count > 1 ? " and \(unreadable.count - 1) other names" : ""
            throw CakeError(first.error.kind, "\(first.name)\(others): \(first.error.what)", fix: first.error.fix)
        }
        guard damages.isEmpty else {
            throw CakeError(
                .damaged, "\(damages.count) of \(layers.count) layers are damaged or missing",
                fix: "import or pull the models named above again: only what is missing is stored anew")
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
        _ damages: [Damage], of count: Int, bytes: UInt64, in session: Session, owners: [Digest: [String]]
    ) {
        if session.settings.isJSON {
            let entries = damages.map { damage -> JSONValue in
                [
                    "layer": JSONValue(damage.layer.digest.hex), "why": JSONValue(damage.why),
                    "models": .array((owners[damage.layer.digest] ?? []).map { JSONValue($0) }),
                ]
            }
            session.show(["layers": JSONValue(count), "bytes": JSONValue(bytes), "damaged": .array(entries)])
            return
        }
        for damage in damages {
            let models = owners[damage.layer.digest] ?? []
            let hit = models.isEmpty ? "no model needs it" : "needed by \(models.joined(separator: ", "))"
            session.output.line("\(damage.layer.digest.short)  \(damage.why); \(hit)")
        }
        if damages.isEmpty, !session.settings.isQuiet {
            session.output.line("\(count) layers, \(Quantities.bytes(bytes)): every byte is as its name says")
        }
    }
}
