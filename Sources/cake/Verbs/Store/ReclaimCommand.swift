import Model
import Platform
import Store
import Transfer

struct ReclaimCommand: Verb {
    let destination: String?
    let deletes: Bool
    let isDryRun: Bool
    let isSure: Bool

    private static let to = Option.text(
        "to", "DIR", completing: .folder,
        "export the models to DIR, and hard-link the files of the cache to the exported ones")
    private static let delete = Flag("delete", "delete the files of the cache that the store has")
    private static let dryRun = Flag("dry-run", "show what would be done, do nothing")
    private static let yes = Flag("yes", short: "y", "do not ask")

    static let command = Command(
        Self.self, "reclaim", for: .keep, "free disk space that the Hugging Face cache uses twice",
        about: [
            "Finds files of the cache in $HF_HUB_CACHE or $HF_HOME/hub that the store has, under any name. With --to, cake exports "
                + "the models, checks each file against its SHA-256, and replaces each file of the cache with a hard link to the "
                + "exported file on the same disk. Programs can still use the cache.",
            "With --delete, cake checks all layers of these files, then deletes the files from the cache. "
                + "cake export NAME --format hf-cache writes them again.",
            "Files that the store does not have stay. cake lists what it will do, and asks before it does that.",
        ],
        options: [to.form, delete.form, dryRun.form, yes.form],
        examples: [
            .init(
                "cake import ~/.cache/huggingface/hub && cake reclaim --delete", "keep the models in the store only"),
            .init("cake reclaim --to ~/models", "keep the files and the cache, in the space of one"),
            .init("cake reclaim --to ~/models --dry-run", "show what that would free"),
        ],
        whenInterrupted: "each file of the cache is either done or unchanged; run the same command for the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        destination = try arguments.value(of: Self.to)
        deletes = arguments.has(Self.delete)
        isDryRun = arguments.has(Self.dryRun)
        isSure = arguments.has(Self.yes)
        guard destination != nil || deletes else {
            throw CakeError(.usage, "reclaim needs --to DIR, or --delete", fix: "cake reclaim --to ~/models --dry-run")
        }
    }
}

extension ReclaimCommand {
    func run(in session: Session) async throws {
        guard let cache = session.settings.huggingFaceCache else {
            throw CakeError(
                .usage, "HOME is not set, so cake does not know where the cache is", fix: "set HF_HUB_CACHE=DIR")
        }
        let store = try session.openStore()
        let progress = Progress("looking at \(Printable.escape(cache))")
        let reclaim = Reclaim(from: store, progress: progress)
        let plan = try await session.reporter.show(progress) { try reclaim.plan(of: cache) }
        for complaint in plan.complaints { session.reporter.note("skipped: \(complaint.what)") }
        session.tell(ReclaimPlanSummary(plan: plan, isDryRun: isDryRun))
        func show(_ report: Reclaim.Report) {
            session.show(ReclaimSummary(report: report, plan: plan, deletes: deletes, isDryRun: isDryRun))
        }
        if isDryRun || plan.blobs.isEmpty { return show(Reclaim.Report()) }
        let question =
            deletes
            ? "delete \(Quantities.count(plan.blobs.count, of: "file")) of the cache, \(Quantities.bytes(plan.bytes))?"
            : "replace \(Quantities.count(plan.blobs.count, of: "file")) of the cache with links to exported files?"
        if !isSure, try await !session.confirms(question) {
            throw CakeError(
                .failed, "nothing was done, because the question was not answered with yes",
                fix: "add --yes to skip the question")
        }
        let folder = try destination.map { path throws(CakeError) in Disk.absolute(try session.settings.inHome(path)) }
        let work = Progress("reclaiming \(Printable.escape(cache))")
        let report = try await session.reporter.show(work) {
            let reclaim = Reclaim(from: store, progress: work)
            if !deletes, let folder { return try await reclaim.link(plan, to: folder) }
            return try await reclaim.delete(plan, to: folder)
        }
        show(report)
    }
}
