import Model
import Platform
import Remote
import Store
import Transfer

/// What `pull` and `download` have in common: bring a repository's files, tell about it, and put them beside if asked to.
struct Pulling: Sendable {
    let source: HubSource
    let selection: WeightSelection
    let options: Pull.Options
    let localFolder: String?
    let isDryRun: Bool
    /// Nil for all tensors.
    var part: TensorOptions?

    func callAsFunction(_ reference: HubReference, in session: Session) async throws {
        let store = try session.openStore()
        let name = try ModelName(reference.storeName)
        let progress = Progress("looking at \(reference.storeName)")
        let start = ContinuousClock.now
        let (found, paths) = try await session.reporter.show(progress) {
            let source = source.telling(progress)
            let snapshot = try await source.snapshot(of: reference)
            let choice = try await selection.chosen(from: snapshot, on: source)
            session.tell(choice)
            let pull = Pull(from: source, into: store, progress: progress, options: options)
            guard !isDryRun else {
                if let part {
                    let outlook = try await pull.outlook(
                        snapshot, choice.files, tensors: part.selection(), as: name)
                    session.show(PartOutlookSummary(outlook: outlook, name: name))
                } else {
                    let outlook = try await pull.outlook(snapshot, choice.files)
                    session.show(
                        PullOutlookSummary(outlook: outlook, name: name, commit: snapshot.commit, choice: choice))
                }
                return (nil as Pull.Report?, [] as Set<FilePath>)
            }
            progress.begin("pulling \(name)")
            let waiting: @Sendable (FilePath) -> Void = { path in
                session.reporter.note("waiting for another cake that is fetching \(path)")
            }
            let report =
                if let part {
                    try await pull(snapshot, choice.files, tensors: part.selection(), as: name, waiting: waiting)
                } else {
                    try await pull(snapshot, choice.files, as: name, waiting: waiting)
                }
            return (report, Set(choice.files.map(\.path)))
        }
        guard let report = found else { return }
        if let before = report.wentBackFrom {
            session.reporter.note(
                "\(name) went back: it was at \(before.prefix(7)), and \(report.commit.prefix(7)) was there before that"
            )
        }
        for complaint in report.complaints { session.reporter.note("kept as plain bytes: \(complaint.what)") }
        session.tell(baseTroubles: report.baseTroubles)
        session.show(
            PullSummary(report: report, bytesNear: options.mirrors?.bytes ?? 0, elapsed: .now - start))
        if let localFolder {
            // The name may have more files than were asked for.
            try await session.export(name, report.manifest, from: store, to: localFolder) { paths.contains($0.path) }
        }
    }
}

extension Session {
    /// Puts those of a model's files beside that a pull was asked for.
    func export(
        _ name: ModelName, _ manifest: Digest, from store: LocalStore, to folder: String,
        where isWanted: (Manifest.File) -> Bool = { _ in true }
    ) async throws {
        let progress = Progress("exporting \(name)")
        let export = Export(from: store, progress: progress)
        let files = try store.manifest(manifest).files.filter(isWanted)
        let report = try await reporter.show(progress) { try await export(name, manifest, files, to: folder) }
        tell("  exported to \(Printable.escape(folder)): \(report.files) files, \(report.filesThere) were there")
    }
}

extension Session {
    /// What the choice of files leaves out, and what is odd about it.
    func tell(_ choice: WeightSelection.Choice) {
        if let note = choice.note { reporter.note(note) }
        for complaint in choice.complaints { reporter.note(complaint.what) }
    }

    /// What came in is whole, and may take more room than it had to.
    func tell(baseTroubles troubles: [CakeError]) {
        for trouble in troubles {
            let text = ErrorText.inline(trouble)
            reporter.note("not compared with all models here, so deltas may be missing: \(text)")
        }
    }
}
