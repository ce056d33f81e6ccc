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
    /// Nil for the store.
    let bucket: CollectedBucket?

    private static let dryRun = Flag("dry-run", "print what would be freed, and free nothing")
    private static let graceOption = Option.duration(
        "grace", "keep downloads, earlier versions and layers without a model that are younger, such as 2h (default 1d)"
    )
    private static let now = Flag("now", "do not wait for the grace time: same as --grace 0s")
    private static let rebaseFlag = Flag(
        "rebase", "also re-encode deltas whose base no model has any more, where that saves space")
    private static let force = Flag("force", "free everything even when all names of the store are missing")

    static let command = Command(
        Self.self, "gc", aliases: ["prune"], for: .keep, "free disk space that no model needs",
        about: [
            "Removes layers that no model in the store needs. It never touches what a running command is about to use. It "
                + "keeps layers that have no model yet, and versions that a name had before (cake history), until they are "
                + "older than the grace time.",
            "In a registry that cake serve keeps here, it removes blobs that no manifest names, and abandoned uploads, "
                + "after the same grace time.",
            "A layer of a removed model stays while layers of other models are stored as deltas against it. With --rebase, "
                + "one of those takes its place, where that saves space.",
            "With --storage it does the same for a registry in object storage, while servers and pushes use it. Before it removes "
                + "anything it waits ten minutes, for requests that began before.",
        ],
        options: [dryRun.form, graceOption.form, now.form, rebaseFlag.form, force.form] + CollectedBucket.forms,
        examples: [
            .init("cake gc --dry-run", "what it would free"),
            .init("cake rm old-model && cake gc", "remove a model and free its disk space"),
            .init("cake gc --rebase", "also layers of removed models that deltas need"),
            .init("cake gc --now", "also what interrupted imports and pulls stored"),
            .init("cake gc --storage s3://models/registry", "a registry in object storage"),
        ],
        whenInterrupted: "freed space stays freed; run it again for the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        isDryRun = arguments.has(Self.dryRun)
        let grace = try arguments.value(of: Self.graceOption)
        if arguments.has(Self.now), let grace, grace != .zero {
            throw CakeError(.usage, "--now and --grace contradict each other", fix: "use one of them")
        }
        self.grace = grace ?? (arguments.has(Self.now) ? .zero : LocalStore.usualGrace)
        collectsAll = arguments.has(Self.force)
        rebases = arguments.has(Self.rebaseFlag)
        bucket = try CollectedBucket(arguments)
        guard bucket == nil || !rebases else {
            throw CakeError(.usage, "--rebase is for a store, not for object storage", fix: "leave it out")
        }
    }
}

extension CollectCommand {
    func run(in session: Session) async throws {
        if let bucket { return try await run(on: bucket, in: session) }
        guard let store = try session.storeToRead() else {
            return session.show(
                CollectSummary(isDryRun: isDryRun))
        }
        var collected = try store.collect(
            grace: grace, isDryRun: isDryRun, evenIfNothingIsNamed: collectsAll)
        var rebased = LocalStore.Rebased()
        if rebases {
            let progress = Progress("re-encoding deltas", items: "bases")
            rebased = try await session.reporter.show(progress) {
                try await store.rebase(isDryRun: isDryRun, grace: grace)
            }
            if !rebased.bases.isEmpty, !isDryRun {
                _ = try store.collect(
                    grace: grace, isDryRun: false, evenIfNothingIsNamed: collectsAll, released: rebased.bases)
            }
            collected.add(rebased)
        }
        let blobs = try RegistryStore.existing(in: store)?.collect(
            grace: grace, isDryRun: isDryRun, unlinked: isDryRun ? collected.linked : [:])
        let damaged = [("damaged", try store.damagedBytes()), ("registry/damaged", try store.registryDamagedBytes())]
        session.show(
            CollectSummary(
                collected: collected, rebased: rebases ? rebased : nil, blobs: blobs ?? CollectedBlobs(),
                damaged: damaged, isDryRun: isDryRun))
    }
}
