import Model
import Platform
import Store
import Transfer

struct CollectCommand: Verb {
    let isDryRun: Bool
    let grace: Duration
    /// Even when no model has a name, which is what a lost folder looks like.
    let collectsAll: Bool
    let rebases: Bool

    /// Long enough for a command that was killed to be started again.

    private static let dryRun = Flag("dry-run", "say what would be freed, free nothing")
    private static let graceOption = Option.duration(
        "grace", "keep layers that no model has named yet and that are younger, such as 2h (default 1d)")
    private static let rebaseFlag = Flag(
        "rebase", "also encode deltas away from bases that no model needs but through them, where that frees room")
    private static let force = Flag("force", "collect everything even though no model has a name")

    static let command = Command(
        Self.self, "gc", aliases: ["prune"], for: .keep, "free the room of layers that no model needs",
        about: [
            "Removes what no name in the store leads to. What a running command is about to use is never touched, and "
                + "layers that are stored but not yet named are kept while they are younger than the grace time.",
            "Of a registry that cake serve keeps here, blobs go that no manifest there names, and uploads that were given up, "
                + "after the same grace time.",
            "A layer that others are deltas of stays as long as they do. With --rebase, one of them takes its place.",
        ],
        options: [dryRun.form, graceOption.form, rebaseFlag.form, force.form],
        examples: [
            .init("cake gc --dry-run", "what it would free"),
            .init("cake rm old-model && cake gc", "remove a model and take its room back"),
            .init("cake gc --rebase", "also bases of which only deltas are left"),
            .init("cake gc --grace 0s", "also what imports that were killed have stored"),
        ],
        whenInterrupted: "what is freed is freed, and the store is whole; run it again for the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        isDryRun = arguments.has(Self.dryRun)
        grace = try arguments.value(of: Self.graceOption) ?? LocalStore.usualGrace
        collectsAll = arguments.has(Self.force)
        rebases = arguments.has(Self.rebaseFlag)
    }
}

extension CollectCommand {
    func run(in session: Session) async throws {
        guard let store = try session.existingStore() else {
            return tell(Collected(), CollectedBlobs(), damaged: [], session)
        }
        var collected = try store.collect(
            grace: grace, isDryRun: isDryRun, evenIfNothingIsNamed: collectsAll)
        if rebases {
            let progress = Progress("encoding deltas anew", items: "bases")
            let rebased = try await session.reporter.show(progress) { try await store.rebase(isDryRun: isDryRun) }
            tell(rebased, session)
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
        tell(collected, blobs ?? CollectedBlobs(), damaged: damaged, session)
    }

    /// Bytes are freed by the collection that follows; where that is not to be, they are told here.
    private func tell(_ rebased: LocalStore.Rebased, _ session: Session) {
        guard !rebased.bases.isEmpty else { return }
        let what =
            "\(rebased.deltas) deltas \(isDryRun ? "could be" : "were") encoded away from \(rebased.bases.count) bases"
        session.reporter.note(isDryRun ? "\(what), which would free \(Quantities.bytes(rebased.bytes))" : what)
    }

    /// `damaged` are folders of the store that no command reads or removes, and their bytes.
    private func tell(
        _ collected: Collected, _ blobs: CollectedBlobs, damaged: [(folder: String, bytes: UInt64)], _ session: Session
    ) {
        if session.settings.isJSON {
            session.show([
                "layers": JSONValue(collected.layers), "manifests": JSONValue(collected.manifests),
                "bytes": JSONValue(collected.bytes), "kept_young": JSONValue(collected.keptYoung),
                "kept_young_bytes": JSONValue(collected.keptYoungBytes),
                "half_fetched": JSONValue(collected.halfFetched), "interrupted": JSONValue(collected.interrupted),
                "kept_downloads": JSONValue(collected.keptDownloads),
                "kept_download_bytes": JSONValue(collected.keptDownloadBytes), "registry_blobs": JSONValue(blobs.blobs),
                "registry_uploads": JSONValue(blobs.uploads), "registry_bytes": JSONValue(blobs.bytes),
                "kept_damaged_bytes": JSONValue(damaged.reduce(0) { $0 + $1.bytes }),
                "dry_run": .bool(isDryRun),
            ])
            return
        }
        guard !session.settings.isQuiet else { return }
        let verb = isDryRun ? "would free" : "freed"
        session.output.line(
            collected.layers + collected.manifests + collected.halfFetched + collected.interrupted == 0
                ? blobs.blobs + blobs.uploads == 0 ? "nothing to collect" : "nothing of models to collect"
                : "\(verb) \(Quantities.bytes(collected.bytes)) in \(count(collected.layers, "layer"))")
        if collected.halfFetched > 0 {
            session.output.line("including \(count(collected.halfFetched, "abandoned download"))")
        }
        if collected.interrupted > 0 {
            session.output.line("including what \(count(collected.interrupted, "interrupted command")) left")
        }
        if blobs.blobs + blobs.uploads > 0 {
            session.output.line(
                "\(verb) \(Quantities.bytes(blobs.bytes)) of the registry, in \(blobs.blobs) blobs and \(blobs.uploads) uploads"
            )
        }
        if collected.keptYoung > 0 {
            session.output.line(
                "\(count(collected.keptYoung, "layer")) of no model, \(Quantities.bytes(collected.keptYoungBytes)), "
                    + "younger than the grace time: kept; --grace 0s frees them too")
        }
        if collected.keptDownloads > 0 {
            session.output.line(
                "\(count(collected.keptDownloads, "unfinished download")), "
                    + "\(Quantities.bytes(collected.keptDownloadBytes)), younger than the grace time: kept; "
                    + "a pull goes on with them, --grace 0s frees them")
        }
        for (folder, bytes) in damaged where bytes > 0 {
            session.output.line(
                "\(Quantities.bytes(bytes)) set aside as damaged: kept; to free it, delete what is in the store's folder \(folder)"
            )
        }
    }

    private func count(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
}
