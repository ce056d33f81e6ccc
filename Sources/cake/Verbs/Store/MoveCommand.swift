import Model
internal import Storage
import Store

struct MoveCommand: Verb {
    let name: String
    let newName: String
    let replacesName: Bool

    private static let nameWord = Positional("NAME", .one, .model, "a model in the store")
    private static let newWord = Positional("NEW", .one, .nothing, "its new name")
    private static let force = Flag("force", short: "f", "even when NEW is the name of another model")

    static let command = Command(
        Self.self, "mv", aliases: ["rename", "move"], for: .keep, "rename a model",
        about: ["Its pin and its earlier versions go with it. No layer moves."],
        positionals: [nameWord, newWord],
        options: [force.form],
        examples: [.init("cake mv mistral-ft team/mistral-ft", "give it a better name")],
        whenInterrupted: "the model has its old name, its new name, or both; run it again")

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        newName = try arguments.word(Self.newWord)
        replacesName = arguments.has(Self.force)
    }
}

extension MoveCommand {
    func run(in session: Session) async throws {
        let found = try session.findNames([name])
        guard let (store, named) = found.first else { return }
        guard found.count == 1 else {
            throw CakeError(
                .usage, "mv renames one model, and \"\(Printable.escape(name))\" matches \(found.count)",
                fix: "cake ls '\(Printable.escape(name))' lists them")
        }
        let target = try session.newName(newName, force: replacesName)
        if !replacesName { try session.refuseOpening(named, as: target) }
        var replaced: Digest?
        try store.rename(named.name, to: target, in: try Operation(store)) { old, record throws(CakeError) in
            replaced = old?.manifest == record.manifest ? nil : old?.manifest
            guard !replacesName else { return }
            try store.refuseTaken(
                target, old, by: record.manifest, from: nil, fix: "choose another name, or use --force")
        }
        session.show(MoveSummary(old: named.name, new: target, manifest: named.record.manifest, replaced: replaced))
    }
}

extension Session {
    /// A model that a mirror keeps for a few of its clients would be open to all under a name that a person gave it.
    func refuseOpening(_ named: LocalStore.Named, as name: ModelName) throws(CakeError) {
        guard named.record.mark == .mirroredClosed else { return }
        throw CakeError(
            .failed,
            "\(named.name) is private or gated on its Hub; as \(name), cake serve would give it to every reader",
            fix: "use --force to do that")
    }
}
