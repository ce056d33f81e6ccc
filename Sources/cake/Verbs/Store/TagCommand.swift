import Model
import Platform
import Store

struct TagCommand: Verb {
    let name: String
    /// Nil to bring back an earlier version of the name.
    let newName: String?
    let replacesName: Bool

    private static let nameWord = Positional(
        "NAME", .one, .model, "a model in the store, or NAME@ID for an earlier version")
    private static let newWord = Positional(
        "NEW", .optional, .nothing, "another name for it; without one, NAME@ID becomes what NAME means again")
    private static let force = Flag("force", short: "f", "even when NEW is the name of another model")

    static let command = Command(
        Self.self, "tag", for: .keep, "give a model one more name, or bring back an earlier version",
        about: [
            "Both names share their layers, so the second takes no room.",
            "When a name moves to another model, cake history shows what it was before, and cake tag NAME@ID brings "
                + "that back.",
        ],
        positionals: [nameWord, newWord],
        options: [force.form],
        examples: [
            .init("cake tag mistral-ft production", "a name to deploy by"),
            .init("cake tag mistral-ft-2 production --force", "move it to another model"),
            .init("cake tag production@26bca36", "and back"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        newName = arguments.words(Self.newWord).first
        replacesName = arguments.has(Self.force)
    }
}

extension TagCommand {
    func run(in session: Session) async throws {
        let (store, named) = try session.find(name)
        guard let newName else { return try bringBack(named, in: store, session) }
        let target = try session.newName(newName, force: replacesName)
        if !replacesName { try session.refuseOpening(named, as: target) }
        var replaced: Digest?
        if target == named.name {
            return session.show(TagSummary(name: target, manifest: named.record.manifest, old: target, replaced: nil))
        }
        let operation = try Operation(store)
        // Held, so that no collection takes the model while it has no name yet; then looked at again.
        try operation.hold(manifest: named.record.manifest)
        _ = try store.manifest(named.record.manifest)
        try store.update(target, in: operation) { old throws(CakeError) in
            if !replacesName {
                try store.refuseTaken(
                    target, old, by: named.record.manifest, from: nil, fix: "choose another name, or use --force")
            }
            replaced = old?.manifest == named.record.manifest ? nil : old?.manifest
            var record = named.record
            record.time = Machine.now
            record.isPinned = old?.isPinned ?? false
            // A person asked for it, so that no mirror may take it away again.
            record.mark = nil
            return record
        }
        session.show(TagSummary(name: target, manifest: named.record.manifest, old: named.name, replaced: replaced))
    }

    private func bringBack(_ named: LocalStore.Named, in store: LocalStore, _ session: Session) throws {
        let advice = "cake tag \(Printable.escape(name)) NEW gives it another name"
        guard let current = named.current else {
            throw CakeError(
                .usage, "\(Printable.escape(name)) is the current version: there is nothing to bring back",
                fix: "cake history \(named.name) lists earlier versions; \(advice)")
        }
        guard named.place == nil, let now = try store.record(of: current) else {
            throw CakeError(
                .failed, "\(current) is in a store below, which is only read", fix: advice)
        }
        guard try store.bringBack(named, in: try Operation(store)) else {
            throw CakeError(
                .notFound, "\(current) does not remember that version any more",
                fix: "cake history \(current) lists its versions")
        }
        session.show(
            BringBackSummary(name: current, manifest: named.record.manifest, replaced: now.manifest))
    }
}
