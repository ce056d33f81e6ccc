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
    var endpoint: String?

    /// What is there, and the report of the pull or what it would do.
    private struct Outcome: Sendable {
        let digest: BlobName
        /// Of the model's files; of one that another tool pushed, of its layers.
        let bytes: UInt64
        var shape: ForeignShape?
        var report: RegistryPull.Report?
        var outlook: (bytes: UInt64, layers: Int)?
    }

    /// `newName` is the name to give the model, instead of its name in the registry.
    func callAsFunction(
        _ reference: RegistryReference, as newName: ModelName? = nil, in session: Session
    ) async throws -> Pulled {
        let client = try session.registry(reference, for: "cake pull", plainHTTP: plainHTTP, endpoint: endpoint)
        let store = try session.openStore()
        let name = try newName ?? ModelName(reference.storeName)
        let progress = Progress("looking at \(reference.storeName)", items: "layers")
        let start = ContinuousClock.now
        let repository = RemoteRepository(reference, client)
        let outcome = try await session.reporter.show(progress) { () async throws -> Outcome in
            switch try await RemoteFinding(reference.manifest, in: repository) {
            case .cake(let remote):
                return try await pull(remote, into: store, as: name, from: reference, progress, in: session)
            case .foreign(let remote):
                return try await pull(remote, into: store, as: name, from: reference, progress, in: session)
            }
        }
        if let report = outcome.report {
            tell(report, in: session)
            let summary = RegistryPullSummary(
                report: report, name: name, source: newName == nil ? nil : reference.storeName, digest: outcome.digest,
                elapsed: .now - start)
            return Pulled(
                summary: summary, name: name, report: .init(store: store, manifest: report.manifest, paths: nil))
        }
        let summary = RegistryPullOutlookSummary(
            bytesToFetch: outcome.outlook?.bytes ?? 0, layersToFetch: outcome.outlook?.layers ?? 0,
            bytes: outcome.bytes, name: name, digest: outcome.digest, shape: outcome.shape)
        return Pulled(summary: summary, name: name, report: nil)
    }

    private func pull(
        _ remote: RemoteArtifact, into store: LocalStore, as name: ModelName, from reference: RegistryReference,
        _ progress: Progress, in session: Session
    ) async throws -> Outcome {
        let pull = RegistryPull(of: remote, into: store, progress: progress, options: options)
        var outcome = Outcome(digest: remote.digest, bytes: remote.model.size)
        if isDryRun {
            outcome.outlook = try pull.outlook()
        } else {
            progress.begin("pulling \(name)")
            outcome.report = try await pull(as: name, from: reference) { pack in
                session.reporter.note("another cake is downloading pack \(pack.short); waiting")
            }
        }
        return outcome
    }

    /// Of a model that another tool pushed.
    private func pull(
        _ remote: RemoteShape, into store: LocalStore, as name: ModelName, from reference: RegistryReference,
        _ progress: Progress, in session: Session
    ) async throws -> Outcome {
        let pull = ShapePull(of: remote, into: store, progress: progress, options: options)
        var outcome = Outcome(digest: remote.kept.name, bytes: remote.model.size, shape: remote.model.shape)
        if isDryRun {
            outcome.outlook = try pull.outlook()
        } else {
            progress.begin("pulling \(name)")
            outcome.report = try await pull(as: name, from: reference) { path in
                session.reporter.note("another cake is downloading \(path); waiting")
            }
        }
        return outcome
    }

    private func tell(_ report: RegistryPull.Report, in session: Session) {
        if let parent = report.parent {
            session.reporter.note(
                "its Kitfile takes the model from another ModelKit, which was not pulled: \(Printable.escape(parent))")
        }
        for complaint in report.complaints { session.reporter.note("stored without tensors: \(complaint.what)") }
        session.tell(baseTroubles: report.baseTroubles)
    }
}
