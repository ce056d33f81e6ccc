import Model
import Platform
internal import Storage
import Store

struct RemoveCommand: Verb {
    let names: [String]
    let removesPinned: Bool
    let isDryRun: Bool
    /// The names are of registries.
    let isRemote: Bool
    let plainHTTP: Bool

    private static let nameWord = Positional(
        "NAME", .some, .model,
        "one or more models in the store, or a pattern such as 'team/*'; with --remote, names in registries")
    private static let force = Flag(
        "force", short: "f", "even when it is pinned; of a registry, other tags of the same too")
    private static let dryRun = Flag("dry-run", "say what would be removed, and what cake gc could then free")
    private static let remote = Flag("remote", "take tags of a registry away: host[:port]/path:tag")

    static let command = Command(
        Self.self, "rm", aliases: ["rmi", "remove"], for: .keep, "remove models by name",
        about: [
            "Takes the name away. The layers stay until cake gc, which frees those that no other model needs; until "
                + "then, importing the model again costs nothing.",
            "With --remote the tag goes from its registry, which frees room there in its own time. A registry that can only "
                + "remove a manifest with all its tags is asked for that if no other tag means the same, or with --force.",
        ],
        positionals: [nameWord],
        options: [force.form, dryRun.form, remote.form, RegistryOptions.plainHTTP.form],
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
        isRemote = arguments.has(Self.remote)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
    }
}

extension RemoveCommand {
    func run(in session: Session) async throws {
        if isRemote { return try await removeRemote(in: session) }
        let found = try session.findNames(names).map(\.named)
        if !removesPinned, let named = found.first(where: { $0.record.isPinned }) {
            throw CakeError(
                .failed, "\(named.name) is pinned",
                fix: "cake unpin \(named.name), or cake rm --force \(named.name)")
        }
        guard let store = try session.existingStore() else { return }
        if !isDryRun {
            for named in found { try store.remove(named.name, evenIfPinned: removesPinned) }
        }
        // What only the removed models held, and whatever else waits to be collected.
        let isTold = !isDryRun && !session.settings.isJSON && !session.settings.isQuiet
        let waiting = isTold ? try? store.collect(grace: .zero, isDryRun: true, evenIfNothingIsNamed: true).bytes : nil
        session.show(RemoveSummary(names: found.map(\.name), isDryRun: isDryRun, bytesWaiting: waiting))
    }
}
