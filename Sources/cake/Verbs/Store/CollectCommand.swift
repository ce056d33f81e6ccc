import Model
import Platform
internal import Storage
import Store
import Transfer

struct CollectCommand: Verb {
    let isDryRun: Bool
    let grace: Duration
    /// Even when no model has a name, which is what a lost folder looks like.
    let collectsAll: Bool
    let rebases: Bool

    private static let dryRun = Flag("dry-run", "say what would be freed, free nothing")
    private static let graceOption = Option.duration(
        "grace", "keep layers that no model has named yet and that are younger, such as 2h (default 1d)")
    private static let now = Flag("now", "keep nothing for a grace time: the same as --grace 0s")
    private static let rebaseFlag = Flag(
        "rebase", "also encode deltas away from bases that no model needs but through them, where that frees room")
    private static let force = Flag("force", "collect everything even though no model has a name")

    static let command = Command(
        Self.self, "gc", aliases: ["prune"], for: .keep, "free the room of layers that no model needs",
        about: [
            "Removes layers that no model in the store needs. It never touches what a running command is about to use. It "
                + "keeps layers that have no model yet, and versions that a name had before (cake history), until they are "
                + "older than the grace time.",
            "Of a registry that cake serve keeps here, blobs go that no manifest there names, and uploads that were given up, "
                + "after the same grace time.",
            "A layer that others are deltas of stays as long as they do. With --rebase, one of them takes its place.",
        ],
        options: [dryRun.form, graceOption.form, now.form, rebaseFlag.form, force.form],
        examples: [
            .init("cake gc --dry-run", "what it would free"),
            .init("cake rm old-model && cake gc", "remove a model and take its room back"),
            .init("cake gc --rebase", "also bases of which only deltas are left"),
            .init("cake gc --grace 0s", "also what imports that were killed have stored"),
        ],
        whenInterrupted: "what is freed is freed, and the store is whole; run it again for the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        isDryRun = arguments.has(Self.dryRun)
        let grace = try arguments.value(of: Self.graceOption)
        if arguments.has(Self.now), let grace, grace != .zero {
            throw CakeError(.usage, "--now and --grace say different things", fix: "give one of them")
        }
        self.grace = grace ?? (arguments.has(Self.now) ? .zero : LocalStore.usualGrace)
        collectsAll = arguments.has(Self.force)
        rebases = arguments.has(Self.rebaseFlag)
    }
}

extension CollectCommand {
    func run(in session: Session) async throws {
        guard let store = try session.storeToRead() else {
            return session.show(
                CollectSummary(collected: Collected(), blobs: CollectedBlobs(), damaged: [], isDryRun: isDryRun))
        }
        var collected = try store.collect(
            grace: grace, isDryRun: isDryRun, evenIfNothingIsNamed: collectsAll)
        if rebases {
            let progress = Progress("encoding deltas anew", items: "bases")
            let rebased = try await session.reporter.show(progress) { try await store.rebase(isDryRun: isDryRun) }
            note(rebased, in: session)
            if !rebased.bases.isEmpty, !isDryRun {
                let more = try store.collect(
                    grace: grace, isDryRun: false, evenIfNothingIsNamed: collectsAll, released: rebased.bases)
                collected.layers += more.layers
                // What took the bases' places has grown.
                collected.bytes += rebased.bytes
            }
        }
        let blobs = try RegistryStore.existing(in: store)?.collect(grace: grace, isDryRun: isDryRun)
        let damaged = [("damaged", try store.damagedBytes()), ("registry/damaged", try store.registryDamagedBytes())]
        session.show(
            CollectSummary(
                collected: collected, blobs: blobs ?? CollectedBlobs(), damaged: damaged, isDryRun: isDryRun))
    }

    /// Bytes are freed by the collection that follows; where that is not to be, they are told here.
    private func note(_ rebased: LocalStore.Rebased, in session: Session) {
        guard !rebased.bases.isEmpty else { return }
        let what =
            "\(rebased.deltas) deltas \(isDryRun ? "could be" : "were") encoded away from \(rebased.bases.count) bases"
        session.reporter.note(isDryRun ? "\(what), which would free \(Quantities.bytes(rebased.bytes))" : what)
    }
}
