import Model
import Platform
import Store

struct RemoveCommand: Verb {
    let names: [String]
    let removesPinned: Bool
    let isDryRun: Bool

    private static let nameWord = Positional("NAME", .some, .model, "one or more models in the store")
    private static let force = Flag("force", short: "f", "even when it is pinned")
    private static let dryRun = Flag("dry-run", "say what would be removed, and what cake gc could then free")

    static let command = Command(
        Self.self, "rm", aliases: ["rmi", "remove"], for: .keep, "remove models by name",
        about: [
            "Takes the name away. The layers stay until cake gc, which frees those that no other model needs; until "
                + "then, importing the model again costs nothing."
        ],
        positionals: [nameWord],
        options: [force.form, dryRun.form],
        examples: [
            .init("cake rm mistral-ft", "one model"),
            .init("cake rm mistral-ft-1 mistral-ft-2 --dry-run", "what two would free"),
            .init("cake rm mistral-ft && cake gc", "and take the room back"),
        ],
        whenInterrupted: "names that are removed stay removed; run it again for the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        removesPinned = arguments.has(Self.force)
        isDryRun = arguments.has(Self.dryRun)
    }
}

extension RemoveCommand {
    func run(in session: Session) async throws {
        var found: [LocalStore.Named] = []
        for name in names {
            let named = try session.find(name).named
            if named.record.isPinned, !removesPinned {
                throw CakeError(
                    .failed, "\(named.name) is pinned",
                    fix: "cake unpin \(named.name), or cake rm --force \(named.name)")
            }
            found.append(named)
        }
        guard let store = try session.existingStore() else { return }
        if !isDryRun {
            for named in found { try store.remove(named.name, evenIfPinned: removesPinned) }
        }
        if session.settings.isJSON {
            session.show(.array(found.map { JSONValue($0.name.string) }))
        } else if !session.settings.isQuiet {
            for named in found { session.output.line("\(isDryRun ? "would remove" : "removed") \(named.name)") }
            guard !isDryRun else { return }
            // What only the removed models held, and whatever else waits to be collected.
            let waiting = try? store.collect(grace: .seconds(0), isDryRun: true, evenIfNothingIsNamed: true).bytes
            session.output.line(
                waiting.map { "cake gc frees \(Quantities.bytes($0)) that no other model needs" }
                    ?? "cake gc frees what no other model needs")
        }
    }
}
