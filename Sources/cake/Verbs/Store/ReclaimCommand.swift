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
        "to", "DIR", completing: .folder, "export the models there; the cache's files become other names of those")
    private static let delete = Flag("delete", "instead, remove files of the cache that the store has whole")
    private static let dryRun = Flag("dry-run", "say what would be done, do nothing")
    private static let yes = Flag("yes", short: "y", "do not ask")

    static let command = Command(
        Self.self, "reclaim", for: .keep, "give back the room that a Hugging Face cache takes a second time",
        about: [
            "Looks at the cache in $HF_HUB_CACHE or $HF_HOME/hub for files that are in the store, whatever model and name "
                + "they are under there. With --to they are exported, each checked against its SHA-256, and each file of "
                + "the cache then becomes another name of the exported one, on the same disk. The cache goes on working.",
            "With --delete, all layers of these files are read again and checked first, and then the files of the cache "
                + "are removed; cake export NAME --format hf-cache puts them back.",
            "Files the store does not have stay. What would be done is listed first, and done after a yes.",
        ],
        options: [to.form, delete.form, dryRun.form, yes.form],
        examples: [
            .init(
                "cake import ~/.cache/huggingface/hub && cake reclaim --delete", "keep the models in the store alone"),
            .init("cake reclaim --to ~/models", "have files and cache, in the room of one"),
            .init("cake reclaim --to ~/models --dry-run", "what that would give back"),
        ],
        whenInterrupted: "every file of the cache is as it was or has been dealt with; run it again for the rest")

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
                .usage, "there is no HOME, so cake does not know where the cache is", fix: "set HF_HUB_CACHE=DIR")
        }
        let store = try session.openStore()
        let progress = Progress("looking at \(Printable.escape(cache))")
        let reclaim = Reclaim(from: store, progress: progress)
        let plan = try await session.reporter.show(progress) { try reclaim.plan(of: cache) }
        for complaint in plan.complaints { session.reporter.note("left alone: \(complaint.what)") }
        session.tell(ReclaimPlanSummary(plan: plan, isDryRun: isDryRun))
        func show(_ report: Reclaim.Report) {
            session.show(ReclaimSummary(report: report, plan: plan, deletes: deletes, isDryRun: isDryRun))
        }
        if isDryRun || plan.blobs.isEmpty { return show(Reclaim.Report()) }
        let question =
            deletes
            ? "remove \(plan.blobs.count) files of the cache, \(Quantities.bytes(plan.bytes))?"
            : "make \(plan.blobs.count) files of the cache other names of exported ones?"
        if !isSure, try await !session.confirms(question) {
            throw CakeError(.failed, "nothing was done: nobody said yes", fix: "--yes does it without asking")
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
