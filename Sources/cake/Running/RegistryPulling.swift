import Model
import Platform
import Remote
import Store
import Transfer

/// Brings a model from a registry, and tells about it.
struct RegistryPulling: Sendable {
    let options: RegistryPull.Options
    let localFolder: String?
    let isDryRun: Bool
    let plainHTTP: Bool

    func callAsFunction(_ reference: RegistryReference, in session: Session) async throws {
        let client = try session.registry(reference, for: "cake pull", plainHTTP: plainHTTP)
        let store = try session.openStore()
        let name = try ModelName(reference.storeName)
        let progress = Progress("looking at \(name)", items: "layers")
        let start = ContinuousClock.now
        let repository = RemoteRepository(reference, client)
        let (remote, report) = try await session.reporter.show(progress) {
            let remote = try await RemoteArtifact(reference.manifest, in: repository)
            let pull = RegistryPull(of: remote, into: store, progress: progress, options: options)
            if isDryRun {
                let outlook = try pull.outlook()
                tell(outlook, remote, name, session)
                return (remote, nil as RegistryPull.Report?)
            }
            progress.begin("pulling \(name)")
            let report = try await pull(as: name, from: reference) { pack in
                session.reporter.note("waiting for another cake that is fetching pack \(pack.short)")
            }
            return (remote, report)
        }
        guard let report else { return }
        if session.settings.isJSON {
            session.show(document(report, remote, name))
        } else if !session.settings.isQuiet {
            tell(report, remote, name, after: .now - start, session)
        }
        if let localFolder {
            try await session.export(name, report.manifest, from: store, to: localFolder)
        }
    }

    private func tell(
        _ report: RegistryPull.Report, _ remote: RemoteArtifact, _ name: ModelName, after elapsed: Duration,
        _ session: Session
    ) {
        let title = session.style.paint(name.description, .strong)
        session.output.line(
            "pulled \(title)  \(remote.digest.hex.prefix(12))  in \(Quantities.duration(elapsed))")
        let files = report.files == 1 ? "file" : "files"
        session.output.line("  \(Quantities.bytes(report.bytes)) in \(report.files) \(files), \(report.layers) layers")
        var line = "  \(Quantities.bytes(report.bytesFetched)) fetched, for \(report.layersFetched) layers"
        if report.bytesHere > 0 { line += "; \(Quantities.bytes(report.bytesHere)) were here" }
        session.output.line(line)
        session.output.line(
            "  \(Quantities.bytes(report.bytesStored)) more at rest; every layer has the digest that it is named by")
    }

    private func tell(
        _ outlook: (bytes: UInt64, layers: Int), _ remote: RemoteArtifact, _ name: ModelName, _ session: Session
    ) {
        if session.settings.isJSON {
            return session.show([
                "name": JSONValue(name.string), "commit": JSONValue(remote.digest.hex), "dry_run": .bool(true),
                "bytes": JSONValue(remote.model.size), "bytes_to_fetch": JSONValue(outlook.bytes),
                "layers_to_fetch": JSONValue(outlook.layers),
            ])
        }
        session.output.line(
            "would fetch \(Quantities.bytes(outlook.bytes)) for \(outlook.layers) layers of \(Quantities.bytes(remote.model.size))"
        )
    }

    private func document(_ report: RegistryPull.Report, _ remote: RemoteArtifact, _ name: ModelName) -> JSONValue {
        [
            "name": JSONValue(name.string), "manifest": JSONValue(report.manifest.hex),
            "commit": JSONValue(remote.digest.hex), "files": JSONValue(report.files),
            "bytes": JSONValue(report.bytes), "bytes_fetched": JSONValue(report.bytesFetched),
            "bytes_here": JSONValue(report.bytesHere), "bytes_stored": JSONValue(report.bytesStored),
            "layers": JSONValue(report.layers), "layers_fetched": JSONValue(report.layersFetched),
        ]
    }
}
