import Model
import Platform
import Remote
import Store
import Transfer

/// Brings a model from a registry, and says what came.
struct RegistryPulling: Sendable {
    let options: RegistryPull.Options
    let isDryRun: Bool
    let plainHTTP: Bool

    /// `newName` is the name to give the model, instead of its name in the registry.
    func callAsFunction(
        _ reference: RegistryReference, as newName: ModelName? = nil, in session: Session
    ) async throws -> Pulled {
        let client = try session.registry(reference, for: "cake pull", plainHTTP: plainHTTP)
        let store = try session.openStore()
        let name = try newName ?? ModelName(reference.storeName)
        let progress = Progress("looking at \(reference.storeName)", items: "layers")
        let start = ContinuousClock.now
        let repository = RemoteRepository(reference, client)
        let (remote, report, outlook) = try await session.reporter.show(progress) {
            () async throws -> (RemoteArtifact, RegistryPull.Report?, (bytes: UInt64, layers: Int)?) in
            let remote = try await RemoteArtifact(reference.manifest, in: repository)
            let pull = RegistryPull(of: remote, into: store, progress: progress, options: options)
            if isDryRun { return (remote, nil, try pull.outlook()) }
            progress.begin("pulling \(name)")
            let report = try await pull(as: name, from: reference) { pack in
                session.reporter.note("another cake is downloading pack \(pack.short); waiting")
            }
            return (remote, report, nil)
        }
        if let report {
            let summary = RegistryPullSummary(
                report: report, name: name, source: newName == nil ? nil : reference.storeName, digest: remote.digest,
                elapsed: .now - start)
            return Pulled(
                summary: summary, name: name, report: .init(store: store, manifest: report.manifest, paths: nil))
        }
        let summary = RegistryPullOutlookSummary(
            bytesToFetch: outlook?.bytes ?? 0, layersToFetch: outlook?.layers ?? 0, bytes: remote.model.size,
            name: name, digest: remote.digest)
        return Pulled(summary: summary, name: name, report: nil)
    }
}
