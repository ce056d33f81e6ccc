import Model
import Platform
import Store

struct TagCommand: Verb {
    let name: String
    let newName: String
    let replacesName: Bool

    private static let nameWord = Positional("NAME", .one, .model, "a model in the store")
    private static let newWord = Positional("NEW", .one, .nothing, "one more name for it")
    private static let force = Flag("force", short: "f", "even when NEW is the name of another model")

    static let command = Command(
        Self.self, "tag", for: .keep, "give a model one more name",
        about: ["Both names lead to the same layers, so the second takes no room."],
        positionals: [nameWord, newWord],
        options: [force.form],
        examples: [
            .init("cake tag mistral-ft production", "a name to deploy by"),
            .init("cake tag mistral-ft-2 production --force", "and move it on"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        newName = try arguments.word(Self.newWord)
        replacesName = arguments.has(Self.force)
    }
}

extension TagCommand {
    func run(in session: Session) async throws {
        let (store, named) = try session.find(name)
        let target = try ModelName(session.settings.pulledName(newName) ?? newName)
        if !replacesName { try session.settings.refuseAlias(newName, for: target) }
        let operation = try Operation(store)
        // Held, so that no collection takes the model while it has no name yet; then looked at again.
        try operation.hold(manifest: named.record.manifest)
        _ = try store.manifest(named.record.manifest)
        try store.update(target, in: operation) { old throws(CakeError) in
            if !replacesName {
                try store.refuseTaken(
                    target, old, by: named.record.manifest, from: nil, fix: "choose another name, or use --force")
            }
            var record = named.record
            record.time = Machine.now
            record.isPinned = old?.isPinned ?? false
            // Somebody asked for it, so that no mirror may take it away again.
            record.mark = nil
            return record
        }
        session.show(TagSummary(name: target, manifest: named.record.manifest, old: named.name))
    }
}
