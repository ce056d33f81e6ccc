import Model
import Platform
import Remote
import Store
import Transfer

/// What a pull brought: the summary to show, and what to export from.
struct Pulled {
    let summary: any Summary
    let name: ModelName
    /// Of the repository on the Hub; nil for a registry.
    var commit: String?
    /// Nil after `--dry-run`.
    let report: Report?

    struct Report {
        let store: LocalStore
        let manifest: Digest
        /// The files that were asked for: the model may have more. Nil: all of its files.
        let paths: Set<FilePath>?

        func has(_ file: Manifest.File) -> Bool { paths?.contains(file.path) ?? true }
    }
}

/// What `pull` and `download` have in common: bring a repository's files, and say what came.
struct Pulling: Sendable {
    let source: HubSource
    let selection: WeightSelection
    let options: Pull.Options
    /// Where the files go beside the store.
    let localFolder: String?
    let isDryRun: Bool
    /// Nil for all tensors.
    var part: TensorOptions?

    /// `newName` is the name to give the model, instead of the repository's.
    func callAsFunction(
        _ reference: HubReference, as newName: ModelName? = nil, in session: Session
    ) async throws -> Pulled {
        let store = try session.openStore()
        let name = try newName ?? ModelName(reference.storeName)
        let progress = Progress("looking at \(reference.storeName)")
        let start = ContinuousClock.now
        let (found, paths, outlook) = try await session.reporter.show(progress) {
            () async throws -> (Pull.Report?, Set<FilePath>, (any Summary)?) in
            let source = source.telling(progress)
            let snapshot = try await source.snapshot(of: reference)
            let choice = try await selection.chosen(from: snapshot, on: source)
            session.tell(choice)
            var options = options
            if selection.isNarrowed {
                // A repository of other things than models may have none of these.
                options.complete = try? await WeightSelection().chosen(from: snapshot, on: source).files
            }
            let pull = Pull(from: source, into: store, progress: progress, options: options)
            guard !isDryRun else {
                let outlook = try await self.outlook(of: pull, snapshot, choice, as: name)
                return (nil, [], outlook)
            }
            progress.begin("pulling \(name)")
            let waiting: @Sendable (FilePath) -> Void = { path in
                session.reporter.note("another cake is downloading \(path); waiting")
            }
            let report =
                if let part {
                    try await pull(snapshot, choice.files, tensors: part.selection(), as: name, waiting: waiting)
                } else {
                    try await pull(snapshot, choice.files, as: name, waiting: waiting)
                }
            return (report, Set(choice.files.map(\.path)), nil)
        }
        if let outlook { return Pulled(summary: outlook, name: name, report: nil) }
        guard let report = found else { throw CancellationError() }
        tell(report, in: session)
        let summary = PullSummary(
            report: report, source: newName == nil ? nil : reference.storeName, bytesNear: options.mirrors?.bytes ?? 0,
            elapsed: .now - start)
        return Pulled(
            summary: summary, name: name, commit: report.commit,
            report: .init(store: store, manifest: report.manifest, paths: paths))
    }

    private func outlook(
        of pull: Pull, _ snapshot: Snapshot, _ choice: WeightSelection.Choice, as name: ModelName
    ) async throws -> any Summary {
        if let part {
            let outlook = try await pull.outlook(snapshot, choice.files, tensors: part.selection(), as: name)
            return PartOutlookSummary(outlook: outlook, name: name)
        }
        let outlook = try await pull.outlook(snapshot, choice.files)
        return PullOutlookSummary(outlook: outlook, name: name, commit: snapshot.commit, choice: choice)
    }

    private func tell(_ report: Pull.Report, in session: Session) {
        if let before = report.wentBackFrom {
            session.reporter.note(
                "\(report.name) went back to an earlier commit: it was at \(before.prefix(7)), and is now at "
                    + "\(report.commit.prefix(7))")
        }
        for complaint in report.complaints { session.reporter.note("stored without tensors: \(complaint.what)") }
        session.tell(baseTroubles: report.baseTroubles)
    }
}

extension Session {
    /// Writes the files that a pull was asked for to a folder of their own.
    func export(_ pulled: Pulled, to folder: String) async throws -> Export.Report? {
        guard let report = pulled.report else { return nil }
        let progress = Progress("exporting \(pulled.name)")
        let export = Export(from: report.store, progress: progress)
        let files = try report.store.manifest(report.manifest).files.filter(report.has)
        return try await reporter.show(progress) { try await export(pulled.name, report.manifest, files, to: folder) }
    }
}

extension Session {
    /// What the choice of files leaves out, and what is odd about it.
    func tell(_ choice: WeightSelection.Choice) {
        if let note = choice.note { reporter.note(note) }
        for complaint in choice.complaints { reporter.note(complaint.what) }
    }

    /// The model is complete, and may take more room than it had to.
    func tell(baseTroubles troubles: [CakeError]) {
        for trouble in troubles {
            let text = ErrorText.inline(trouble)
            reporter.note("not compared with all models here, so deltas may be missing: \(text)")
        }
    }
}
