import Model
import Platform
import Remote
import Store
import Transfer

/// A push in another tool's shape.
extension PushCommand {
    func checkShape() throws(CakeError) {
        guard imageBase == nil || shape == .image else {
            throw CakeError(.usage, "--image-base is for --as image", fix: "add --as image, or leave out --image-base")
        }
        guard shape == nil || bases.isEmpty && proof == nil else {
            throw CakeError(
                .usage, "--base and --prove are for cake's own artifacts, and --as sends another one",
                fix: "leave out \(bases.isEmpty ? "--prove" : "--base"), or --as")
        }
    }

    private static let mostNeighbours = 4

    func send(
        _ named: LocalStore.Named, of store: LocalStore, as shape: WrittenShape, to reference: RegistryReference,
        _ tag: TagName, by client: RegistryClient, in session: Session
    ) async throws {
        let (base, place) = try await readBase(beside: reference, client, in: session)
        var options = ShapedPush.Options()
        options.chunkSize = chunkSize
        options.bytesPerSecond = bytesPerSecond
        let neighbours = try store.neighbours(
            of: store.manifest(named.record.manifest), on: reference.host, atMost: Self.mostNeighbours)
        let hashing = Progress("hashing the layers of \(named.name)")
        let start = ContinuousClock.now
        // Against collections, from the first byte that is read to the last that is sent.
        let operation = try Operation(store)
        try operation.hold(manifest: named.record.manifest)
        defer { withExtendedLifetime(operation) {} }
        let model = try await session.reporter.show(hashing) {
            try await store.shaped(named, as: shape, on: base) {
                hashing.expect(bytes: $0)
            } did: {
                hashing.did(bytes: $0)
            }
        }
        let progress = Progress("looking at \(reference.storeName)", items: "layers")
        let push = ShapedPush(
            model, of: named.record.manifest, from: store,
            to: RemoteRepository(reference, client, for: [.pull, .push]), as: tag, on: place,
            beside: neighbours, progress: progress, options: options)
        let report = try await session.reporter.show(progress) { () async throws -> ShapedPush.Report in
            if isDryRun { return try await push.outlook() }
            return try await push()
        }
        if !isDryRun { try store.note(named, pushedTo: reference) }
        let summary = ShapedPushSummary(
            report: report, name: named.name, reference: reference, elapsed: .now - start)
        if isDryRun { session.show(ShapedPushOutlook(summary: summary)) } else { session.show(summary) }
    }

    /// The base image, and where its layers are.
    private func readBase(
        beside target: RegistryReference, _ client: RegistryClient, in session: Session
    ) async throws -> (ImageBase?, RemoteRepository?) {
        guard let imageBase else { return (nil, nil) }
        let reference = try session.registryReference(imageBase)
        let isBeside = reference.host == target.host && reference.speaksTLS == target.speaksTLS
        let own = isBeside ? client : try session.registry(reference, for: "cake push", plainHTTP: plainHTTP)
        let repository = RemoteRepository(reference, own)
        let progress = Progress("reading \(reference.storeName)")
        let base = try await session.reporter.show(progress) {
            try await ImageBase(reference.manifest, in: repository)
        }
        return (base, repository)
    }
}
