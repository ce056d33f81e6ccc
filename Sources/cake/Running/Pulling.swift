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
            tell(choice, session)
            let pull = Pull(from: source, into: store, progress: progress, options: options)
            guard !isDryRun else {
                if let part {
                    let selection = try part.selection()
                    tell(try await pull.outlook(snapshot, choice.files, tensors: selection, as: name), name, session)
                } else {
                    tell(try await pull.outlook(snapshot, choice.files), snapshot, choice, name, session)
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
        if session.settings.isJSON {
            session.show(document(report))
        } else if !session.settings.isQuiet {
            tell(report, after: ContinuousClock.now - start, session)
        }
        if let localFolder {
            // The name may have more files than were asked for.
            try await session.export(name, report.manifest, from: store, to: localFolder) { paths.contains($0.path) }
        }
    }

    private func tell(_ choice: WeightSelection.Choice, _ session: Session) {
        if let note = choice.note { session.reporter.note(note) }
        for complaint in choice.complaints { session.reporter.note(complaint.what) }
    }

    private func tell(_ report: Pull.Report, after elapsed: Duration, _ session: Session) {
        let name = session.style.paint(report.name.description, .strong)
        session.output.line("pulled \(name)  \(report.commit.prefix(7))  in \(Quantities.duration(elapsed))")
        let files = report.files == 1 ? "file" : "files"
        session.output.line("  \(Quantities.bytes(report.bytes)) in \(report.files) \(files)")
        var line = "  \(Quantities.bytes(report.bytesFetched)) fetched"
        if let near = options.mirrors?.bytes, near > 0 { line += ", \(Quantities.bytes(near)) of it from mirrors" }
        if let (layers, place) = report.layers, layers > 0 {
            line += ", \(Quantities.bytes(layers)) of it as layers from \(place)"
        }
        for proof in Pull.Proof.allCases {
            guard let bytes = report.bytesSaved[proof], bytes > 0 else { continue }
            line += "; \(Quantities.bytes(bytes)) not: \(proof.rawValue)"
        }
        session.output.line(line)
        let atRest = "\(Quantities.bytes(report.bytesStored)) more at rest"
        guard let (here, missing) = report.tensors else {
            return session.output.line("  \(atRest); every file is as its publisher's hash says")
        }
        session.output.line("  \(atRest); \(here) of \(here + missing) tensors")
        session.show(
            detail: "a part is not checked: a publisher's hash is of whole files; cake pull \(report.name) completes it"
        )
    }

    private func tell(_ outlook: PartOutlook, _ name: ModelName, _ session: Session) {
        if session.settings.isJSON {
            return session.show([
                "name": JSONValue(name.string), "dry_run": .bool(true), "bytes": JSONValue(outlook.bytes),
                "bytes_to_fetch": JSONValue(outlook.bytesToFetch), "tensors": JSONValue(outlook.tensorsWanted),
                "files_to_fetch": .array(outlook.items.map { JSONValue($0.path.string) }),
            ])
        }
        for item in outlook.items {
            let tensors = item.tensors.map { $0 == 1 ? ", 1 tensor" : ", \($0) tensors" } ?? ""
            session.output.line("\(Quantities.bytes(item.bytes))  \(item.path)\(tensors)")
        }
        session.output.line(
            "would fetch \(Quantities.bytes(outlook.bytesToFetch)) of \(Quantities.bytes(outlook.bytes)), for "
                + "\(outlook.tensorsWanted) of \(outlook.tensors) tensors")
    }

    /// What a pull would do now: what is here whole, and what is not.
    private func tell(
        _ outlook: PullOutlook, _ snapshot: Snapshot, _ choice: WeightSelection.Choice, _ name: ModelName,
        _ session: Session
    ) {
        let (bytes, missing) = (outlook.bytesToFetch, outlook.items)
        if session.settings.isJSON {
            return session.show([
                "name": JSONValue(name.string), "commit": JSONValue(snapshot.commit), "dry_run": .bool(true),
                "bytes": JSONValue(choice.size), "bytes_to_fetch": JSONValue(bytes),
                "files_to_fetch": .array(missing.map { JSONValue($0.path.string) }),
                "layers_from": JSONValue(outlook.place),
            ])
        }
        for file in missing { session.output.line("\(Quantities.bytes(file.size))  \(file.path)") }
        let files = "in \(missing.count) of \(choice.files.count) files"
        session.output.line(
            "would fetch \(Quantities.bytes(bytes)) of \(Quantities.bytes(choice.size)), \(files)"
                + (outlook.place.map { ", as layers from \($0)" } ?? ""))
    }

    private func document(_ report: Pull.Report) -> JSONValue {
        var saved = JSONObject()
        for proof in Pull.Proof.allCases { saved.append(proof.rawValue, JSONValue(report.bytesSaved[proof] ?? 0)) }
        return [
            "name": JSONValue(report.name.string), "manifest": JSONValue(report.manifest.hex),
            "commit": JSONValue(report.commit), "files": JSONValue(report.files), "bytes": JSONValue(report.bytes),
            "bytes_fetched": JSONValue(report.bytesFetched), "bytes_not_moved": .object(saved),
            "bytes_from_mirrors": JSONValue(options.mirrors?.bytes ?? 0),
            "bytes_as_layers": JSONValue(report.layers?.bytes ?? 0),
            "bytes_stored": JSONValue(report.bytesStored), "partial": .bool(report.tensors != nil),
            "tensors_missing": JSONValue(report.tensors?.missing ?? 0),
        ]
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
        if !settings.isQuiet, !settings.isJSON {
            output.line(
                "  exported to \(Printable.escape(folder)): \(report.files) files, \(report.filesThere) were there")
        }
    }
}

extension Session {
    /// What came in is whole, and may take more room than it had to.
    func tell(baseTroubles troubles: [CakeError]) {
        for trouble in troubles {
            let fix = trouble.fix.map { "; fix: \($0)" } ?? ""
            reporter.note("not compared with all models here, so deltas may be missing: \(trouble.what)\(fix)")
        }
    }
}
