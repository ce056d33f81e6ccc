public import Model
internal import Platform
internal import Remote
internal import Store

extension Pull {
    /// The file with the tensors of a part, which no publisher made.
    static let partName = "model.safetensors"

    /// `bytes` are those of all its files; nil for a part of a model.
    func note(_ name: ModelName, _ snapshot: Snapshot, bytes: UInt64?) -> PullNote {
        let revision = snapshot.revision.map { $0 == Revision.main ? "" : "@\($0)" } ?? ""
        return PullNote(name, from: snapshot.repository.description + revision, bytes: bytes)
    }

    /// The part of a commit that the name has.
    func part(of name: ModelName, at snapshot: Snapshot) throws(CakeError) -> Manifest? {
        guard let record = try store.record(of: name), record.isPartial, record.commit == snapshot.commit else {
            return nil
        }
        return try? store.manifest(record.manifest)
    }

    /// Downloads some tensors, and the model's other files. They join earlier ones of the same commit; a pull of the
    /// whole model completes it.
    public func callAsFunction(
        _ snapshot: Snapshot, _ selected: [SnapshotFile], tensors selection: TensorSelection, as name: ModelName,
        waiting: @escaping @Sendable (FilePath) -> Void
    ) async throws -> Report {
        try options.gate.refuseUnchecked(name, from: snapshot.repository.description, "no part is pulled of")
        let record = try store.record(of: name)
        if let record, !record.isPartial {
            throw CakeError(
                .failed, "\(name) is complete here, and a part would replace it",
                fix: "cake export \(name) --format safetensors --tensors GLOB -o PATH writes a part of it")
        }
        let paths = selected.map(\.path)
        let (weights, companions) = try PassingArchive.split(
            paths, withTensors: paths.filter(Segmentation.hasHeader), keepingIndexes: false)
        let before = try part(of: name, at: snapshot)
        let operation = try Operation(store)
        let others = selected.filter { companions.contains($0.path) }
        progress.expect(bytes: others.reduce(0) { $0 + $1.size }, items: UInt64(others.count))
        let inventory = try Inventory(others, store: store, operation: operation, options)
        for file in inventory.known { progress.had(bytes: file.size) }
        var fetched = Fetched(verified: inventory.known)
        // The publisher's digests are of whole files: bytes that cannot be checked come only from the publisher.
        var options = options
        options.mirrors = nil
        options.note = note(name, snapshot, bytes: nil)
        let work = PullWork(
            source: source, snapshot: snapshot, store: store, operation: operation, progress: progress,
            options: options, bases: baseCandidates(of: snapshot),
            provers: provers(forPartOf: snapshot, operation), terms: nil)
        let copies = PullCopies(inventory.missing, in: snapshot)
        for batch in copies.firsts.batches(of: options.filesAtOnce) {
            try await bring(batch, copies, work, &fetched, waiting)
        }
        let proof = try KnownFileProof(store)
        let earlier = before.map { PullWork.BroughtTensors.tensors(of: $0) } ?? [:]
        var known = earlier
        var wanted: [WantedFile] = []
        for file in selected where weights.contains(file.path) {
            let found = options.isForced ? nil : try proof.find(file)
            if let found { known.merge(PullWork.BroughtTensors.tensors(of: found)) { $1 } }
            // Of one that is here the header is here, too.
            wanted.append(WantedFile(listed: file, known: found, mayCopy: !options.isForced))
        }
        let part = try await work.part(
            wanted, matching: selection, joining: Set(earlier.keys), known: known, waiting: waiting)
        guard !part.entries.isEmpty || part.missing.isEmpty else {
            throw CakeError(
                .notFound, "none of the \(part.missing.count) tensors matches",
                fix: "cake inspect \(snapshot.repository.id) --tensors lists their names; * also matches dots")
        }
        guard !part.missing.isEmpty else {
            // The whole files can be checked: a person who wants all of it should have that.
            let repository = snapshot.repository
            let isOwnName = name.withoutRevision == repository.id
            throw CakeError(
                .usage, "every tensor matches, and the part would be the whole model",
                fix: isOwnName ? "cake pull \(name)" : "cake pull \(repository) --as \(name)")
        }
        progress.begin("finishing \(name)")
        let file = try await file(of: part.entries, work, &fetched)
        fetched.stored += part.bytesStored
        fetched.saved.merge(part.saved) { $0 + $1 }
        fetched.saved[.knownFile, default: 0] += inventory.known.reduce(0) { $0 + $1.size }
        let manifest = try Manifest(files: fetched.verified + [file])
        let digest = try store.save(manifest, in: operation)
        let missing = part.missing.map(\.string)
        let pointed = try point(
            name, from: record, to: digest, snapshot, others, fetched.saved, missing: missing,
            by: .free, in: operation)
        guard pointed.isDone else {
            throw CakeError(
                .locked, "another cake changed \(name) meanwhile", fix: "run it again: downloaded bytes are kept")
        }
        for file in fetched.finished + part.files { try file.fetching.discardParts() }
        for checkpoint in fetched.checkpoints { try checkpoint.retire() }
        return Report(
            name: name, manifest: digest, commit: snapshot.commit, files: manifest.files.count, bytes: manifest.size,
            bytesFetched: fetched.bytes + part.bytesFetched, bytesSaved: fetched.saved, bytesStored: fetched.stored,
            wentBackFrom: pointed.wentBackFrom(to: snapshot.commit), complaints: [], baseTroubles: troubles.all,
            tensors: (part.entries.count, missing.count))
    }

    private func provers(forPartOf snapshot: Snapshot, _ operation: Operation) -> [any Prover] {
        guard options.usesXet, !options.isForced else { return [] }
        let xet = XetSource(source)
        let records = XetRecords(
            store: store, operation: operation, hub: source, source: xet, declared: snapshot.baseModels)
        return [
            XetProof(store: store, snapshot: snapshot, terms: XetTerms(xet, of: snapshot), records: records)
        ]
    }

    /// A file of their own, with a header that says so. Their layers are published first, to be read for its hash.
    private func file(of entries: [Weights.Entry], _ work: PullWork, _ fetched: inout Fetched) async throws
        -> Manifest.File
    {
        let shards = try Shards(Weights(entries), limit: nil, metadata: [])
        guard let shard = shards.files.first else { throw CakeError(.failed, "there is nothing to write") }
        let size = UInt64(shard.header.count)
        let ingester = LayerIngester(store: store, operation: work.operation)
        let header = try await ingester.layer(
            [Segmentation.Cut(start: 0, count: size, tensor: nil)], isLarge: size >= LocalStore.smallLimit,
            store.scratch(shard.header, in: work.operation)
        ) { _ in }
        try header.pack(in: work.operation)
        fetched.stored += try work.operation.publish(telling: progress)
        var running = PullWork.Running(SnapshotFile(path: shard.path, size: shard.size))
        running.update(shard.header.span)
        do {
            try await work.follow(shard.entries.map(\.layer), &running)
        } catch let unreadable as PieceReader.Unreadable { throw unreadable.error }
        let segments =
            header.layers.map { Manifest.Segment(layer: $0, tensor: nil) }
            + shard.entries.map { Manifest.Segment(layer: $0.layer, tensor: $0.tensor) }
        return try Manifest.File(
            path: shard.path, digest: running.finish().sha256, size: shard.size, segments: segments)
    }
}
