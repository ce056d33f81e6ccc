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
                session.show(
                    RegistryPullOutlookSummary(
                        bytesToFetch: outlook.bytes, layersToFetch: outlook.layers, bytes: remote.model.size,
                        name: name, digest: remote.digest))
                return (remote, nil as RegistryPull.Report?)
            }
            progress.begin("pulling \(name)")
            let report = try await pull(as: name, from: reference) { pack in
                session.reporter.note("waiting for another cake that is fetching pack \(pack.short)")
            }
            return (remote, report)
        }
        guard let report else { return }
        session.show(
            RegistryPullSummary(report: report, name: name, digest: remote.digest, elapsed: .now - start))
        if let localFolder {
            try await session.export(name, report.manifest, from: store, to: localFolder)
        }
    }
}
