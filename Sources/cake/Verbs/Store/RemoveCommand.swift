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
        "models in the store, or a pattern such as 'team/*'; with --remote, tags in registries")
    private static let force = Flag(
        "force", short: "f", "remove pinned models; with --remote, also other tags of the same manifest")
    private static let dryRun = Flag("dry-run", "print what would be removed and what cake gc could then free")
    private static let remote = Flag("remote", "remove tags from a registry: host[:port]/path:tag")

    static let command = Command(
        Self.self, "rm", aliases: ["rmi", "remove"], for: .keep, "remove models by name",
        about: [
            "Removes the name. The layers stay until cake gc, which frees those that no other model needs; until then, "
                + "importing the model again costs nothing. Layers that other models' layers are stored as deltas against "
                + "stay; cake gc --rebase can free part of these.",
            "With --remote, removes the tag from its registry, which frees disk space in its own time. Some registries can "
                + "only remove a manifest with all its tags: cake does that when no other tag names the manifest, or with "
                + "--force.",
        ],
        positionals: [nameWord],
        options: [force.form, dryRun.form, remote.form, RegistryOptions.plainHTTP.form],
        examples: [
            .init("cake rm mistral-ft", "one model"),
            .init("cake rm mistral-ft-1 mistral-ft-2 --dry-run", "what removing two would free"),
            .init("cake rm mistral-ft && cake gc", "and free its disk space"),
        ],
        whenInterrupted: "removed names stay removed; run it again for the rest")

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
        let isTold = session.settings.isJSON || !session.settings.isQuiet
        let removal = isTold ? try? store.removal(of: found) : nil
        if !isDryRun {
            for named in found { try store.remove(named.name, evenIfPinned: removesPinned) }
        }
        let blobs = removal.flatMap { removal in
            try? RegistryStore.existing(in: store)?.collect(
                grace: LocalStore.usualGrace, isDryRun: true, without: Set(found.map(\.name)), unlinked: removal.linked)
        }
        session.show(RemoveSummary(models: found, isDryRun: isDryRun, removal: removal, blobs: blobs))
    }
}
