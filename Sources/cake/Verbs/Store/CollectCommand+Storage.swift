import Model
import Remote
internal import Storage
import Transfer

/// A registry in object storage, as it is typed.
struct CollectedBucket: Sendable {
    let place: S3Place
    let endpoint: String?

    private static let storage = Option(
        "storage", "s3://BUCKET/PREFIX", "collect in object storage, where cake serve --storage keeps a registry",
        read: { text throws(CakeError) in try S3Place(text) })

    static let forms = [storage.form, RegistryOptions.endpoint.form]

    /// Nil when the store is collected.
    init?(_ arguments: Arguments) throws(CakeError) {
        endpoint = try arguments.value(of: RegistryOptions.endpoint)
        guard let place = try arguments.value(of: Self.storage) else {
            guard endpoint == nil else {
                throw CakeError(
                    .usage, "--s3-endpoint is for --storage", fix: "add --storage s3://BUCKET/PREFIX, or leave it out")
            }
            return nil
        }
        self.place = place
    }
}

extension CollectCommand {
    func run(on bucket: CollectedBucket, in session: Session) async throws {
        let storage = try await session.settings.storage(
            at: bucket.place, endpoint: bucket.endpoint, for: "cake gc --storage")
        let progress = Progress("reading \(bucket.place)", items: "blobs")
        let reporter = session.reporter
        let told = WaitNote()
        let collection = DistantCollection(
            in: storage, .init(grace: grace, isDryRun: isDryRun, evenIfNothingIsNamed: collectsAll)
        ) { step in
            if let text = told.text(of: step) { reporter.note(text) }
            progress.show(step)
        }
        let blobs = try await reporter.show(progress) { try await collection() }
        session.show(CollectSummary(blobs: blobs, isDryRun: isDryRun, isBucket: true))
    }
}

extension Progress {
    fileprivate func show(_ step: DistantCollection.Step) {
        switch step {
        case .reading: return
        case .waiting(let seconds, _):
            begin("waiting for requests that began before")
            // A log has a line for each change.
            stands("\(max(1, (seconds + 30) / 60)) min left")
        case .removing(let done, let count):
            begin("removing blobs")
            stands("\(done) of \(count)")
        }
    }
}
