public import Model
internal import Platform
public import Remote
public import Store

/// Pulls a model from a registry that another tool pushed. Files that are layers there come like those of a Hub: by ranges, and
/// not where they are here. Archives come in order. Every layer has to match its digest before the model gets its name.
public struct ShapePull: Sendable {
    let remote: RemoteShape
    let store: LocalStore
    let progress: Progress
    let options: RegistryPull.Options
    private let troubles = BaseTroubles()

    public init(of remote: RemoteShape, into store: LocalStore, progress: Progress, options: RegistryPull.Options) {
        (self.remote, self.store, self.progress, self.options) = (remote, store, progress, options)
    }

    /// The bytes to download now, and for how many layers.
    public func outlook() throws -> (bytes: UInt64, layers: Int) {
        var bytes: UInt64 = 0
        var layers = 0
        let operation = try Operation(store)
        for file in try Inventory(remote.model.files, store: store, operation: operation, .init()).missing {
            let runs = try Parts.runs(in: store, key: origin.partsKey(of: file.listed))
            bytes = bytes.clampedSum(
                file.listed.size - min(file.listed.size, runs.length(within: 0..<file.listed.size)))
            layers += 1
        }
        let missing = try KnownContents(of: remote.model.archives, in: store, operation).missing
        for archive in missing { bytes = bytes.clampedSum(archive.size) }
        return (bytes, layers + missing.count)
    }

    public func callAsFunction(
        as name: ModelName, from source: RegistryReference, waiting: @escaping @Sendable (FilePath) -> Void
    ) async throws -> RegistryPull.Report {
        let place = source.place
        let model = remote.model
        // What an archive holds is known when it was read.
        if !options.replacesName, model.archives.isEmpty {
            try store.refuseTaken(name, by: model.files, from: place, fix: Pull.advice(for: name))
        }
        let beside = RegistrySignatures(
            gate: options.gate, repository: remote.repository, subject: remote.kept.name, store: store,
            progress: progress)
        let signatures = try await beside.find(
            name, from: place,
            model.archives.isEmpty ? model.files.map { SignedComparison.Candidate($0.path, $0.sha256) } : nil,
            of: nil)
        let operation = try Operation(store)
        let archives = try KnownContents(of: model.archives, in: store, operation)
        progress.expect(
            bytes: model.files.reduce(archives.size) { $0 + $1.size }, items: UInt64(model.layers.count))
        progress.had(bytes: archives.size - archives.missing.reduce(0) { $0 + $1.size })
        let note = PullNote(name, from: source.description, bytes: model.archives.isEmpty ? model.size : nil)
        var fetched = try await files(in: operation, for: note, waiting)
        let bytesHere = fetched.saved.values.reduce(0, +)
        let intake = ArchiveIntake(
            source: RegistryArchives(remote, on: store.pool, progress: progress, options), store: store,
            operation: operation, progress: progress, bases: bases,
            streams: min(ArchiveIntake.mostStreams, max(1, options.mostConnections)))
        try store.refuseIfTooSmall(forFetching: archives.missing.reduce(0) { $0 + $1.size })
        let brought = try await intake(archives.missing)
        progress.begin("finishing \(name)")
        let found = try archives.files(with: brought.entries)
        let manifest = try model.whole(fetched.verified + found.files, at: remote.place)
        let digest = try store.save(manifest, in: operation)
        store.keep(found.contents, of: digest)
        let origin = ModelOrigin(
            place, revision: source.tag, commit: remote.kept.name.hex, shape: model.shape)
        let admission = try await beside.admit(name, from: place, digest, with: signatures, in: operation)
        _ = try store.point(name, to: digest, from: origin, by: admission, in: operation) { old throws(CakeError) in
            guard !options.replacesName else { return }
            try store.refuseTaken(name, old, by: digest, from: place, fix: Pull.advice(for: name))
        } _: { record, _ in
            (record.mark, record.missing, record.proved, record.etags) = (nil, [], [:], [:])
            record.missingFiles = nil
        }
        for file in fetched.finished { try file.fetching.discardParts() }
        for checkpoint in fetched.checkpoints { try checkpoint.retire() }
        if let checkpoint = brought.checkpoint, checkpoint != digest { try store.retire(checkpoint) }
        let missing = archives.missing.reduce(UInt64(0)) { $0 + $1.size }
        fetched.bytes += missing
        var report = RegistryPull.Report(
            manifest: digest, files: manifest.files.count, bytes: manifest.size, bytesFetched: fetched.bytes,
            bytesStored: fetched.stored + brought.stored, layers: model.layers.count,
            layersFetched: fetched.finished.count + archives.missing.count,
            bytesHere: bytesHere + (archives.size - missing))
        report.signatures = signatures.count
        (report.shape, report.parent, report.baseTroubles) = (model.shape, model.parent, troubles.all)
        report.complaints =
            fetched.finished.compactMap(\.segmentation.complaint)
            + brought.entries.joined().compactMap { $0.file?.segmentation.complaint }
        return report
    }

    private var origin: RegistryOrigin {
        RegistryOrigin(
            repository: remote.repository, line: Line(retry: .patient, says: { [progress] in progress.stands($0) }))
    }

    private var bases: BaseCandidates {
        BaseCandidates(in: store, named: nil, declared: [], telling: troubles)
    }

    /// The files that are layers of their own.
    private func files(
        in operation: Operation, for note: PullNote, _ waiting: @escaping @Sendable (FilePath) -> Void
    ) async throws -> Pull.Fetched {
        var options = Pull.Options()
        options.mostConnections = self.options.mostConnections
        options.bytesPerSecond = self.options.bytesPerSecond
        options.note = note
        let inventory = try Inventory(remote.model.files, store: store, operation: operation, options)
        for file in inventory.known {
            progress.had(bytes: file.size)
            progress.finished()
        }
        var fetched = Pull.Fetched(verified: inventory.known)
        fetched.saved[.knownFile] = inventory.known.reduce(0) { $0 + $1.size }
        let origin = origin
        let copies = PullCopies(inventory.missing) { origin.partsKey(of: $0) }
        let work = PullWork(
            origin: origin, store: store, operation: operation, progress: progress, options: options, bases: bases,
            provers: [Probe(store: store, policy: .auto)], terms: nil)
        for batch in copies.firsts.batches(of: options.filesAtOnce) {
            try await work.bring(batch, copies, &fetched, publisher: remote.repository.host, waiting)
            fetched.stored += try operation.publish(telling: progress)
            for checkpoint in fetched.checkpoints { try checkpoint.settle() }
        }
        return fetched
    }
}
