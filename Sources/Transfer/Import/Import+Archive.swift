public import Model
internal import Platform
internal import Store

extension Import {
    /// Puts the model of an archive into the store: its original files again, or one safetensors file where it holds only
    /// some tensors.
    public func callAsFunction(_ archive: ArchiveFile, as name: ModelName) async throws -> Report {
        let origin = ModelOrigin(Disk.absolute(archive.path))
        let operation = try Operation(store)
        let work = ArchiveImport(archive, LayerIngester(store: store, operation: operation, isDryRun: isDryRun))
        try refuseTaken(
            name, work.files.map { SnapshotFile(path: $0.path, size: $0.plain.count, sha256: $0.digest) }, from: origin)
        if !isDryRun { try ImportRoom(in: store, usesDeltas: false).refuseIfTooSmall(for: work.layers) }
        let bytes = work.files.reduce(0) { $0 + $1.plain.count }
        progress.expect(bytes: bytes, items: UInt64(work.files.count))
        var (known, stored) = (UInt64(0), UInt64(0))
        var digests: [Digest] = []
        let jobs = work.jobs
        do {
            try await inOrder(jobs.count, atOnce: BlockingPool.processors + 1, on: store.pool) { index in
                try await work.perform(jobs[index], progress)
            } take: { _, outcome in
                switch outcome {
                case .file(let digest):
                    digests.append(digest)
                    progress.finished()
                case .layers(let layered):
                    known += layered.bytesKnown
                    progress.knew(bytes: layered.bytesKnown)
                    guard !isDryRun else { return }
                    try layered.pack(in: operation)
                    if operation.pendingBytes >= Import.publishStep {
                        stored += try operation.publish(telling: progress)
                    }
                }
            }
        } catch is CancellationError {
            try operation.publish(telling: progress)
            throw CancellationError()
        }
        guard let now = try Disk.status(archive.path), now.isUnchanged(since: archive.status) else {
            throw CakeError(
                .failed, "\(Printable.escape(archive.path)) changed while it was read", fix: "import it again")
        }
        let manifest = try work.manifest(digests)
        let named = try self.name(name, manifest, from: origin, in: operation)
        stored += named.stored
        // Layers that are once in the archive and several times in the files are known, too.
        return Report(
            name: name, manifest: named.manifest, files: manifest.files.count,
            tensors: archive.archive.facts.weights.entries.count, bytes: manifest.size,
            bytesKnown: known + (manifest.size - min(manifest.size, work.layerBytes)), bytesStored: stored,
            replaced: named.replaced, complaints: [], baseTroubles: troubles.all)
    }
}

/// The files of an archive, rebuilt from its layers, and the work of reading them.
private struct ArchiveImport: Sendable {
    struct File: Sendable {
        let path: FilePath
        /// Nil for one that was never a file.
        let digest: Digest?
        let plain: PlainBytes
        let segments: [Manifest.Segment]
    }

    enum Job: Sendable {
        case file(Int)
        /// The tensor says how its bytes are best kept.
        case layer(Layer, Tensor?, at: UInt64)
    }

    enum JobResult: Sendable {
        case file(Digest)
        case layers(LayerIngester.Layered)
    }

    let files: [File]
    private let archive: ArchiveFile
    private let ingester: LayerIngester
    private let positions: [Digest: UInt64]

    init(_ archive: ArchiveFile, _ ingester: LayerIngester) {
        self.archive = archive
        self.ingester = ingester
        let facts = archive.archive.facts
        var positions = archive.archive.positions
        var segments: [Manifest.Segment] = []
        if let header = archive.archive.header {
            let layer = Layer(digest: SHA256.digest(of: header.bytes.span), size: UInt64(header.bytes.count))
            positions[layer.digest] = header.position
            segments.append(Manifest.Segment(layer: layer, tensor: nil))
            segments += facts.weights.entries.map { Manifest.Segment(layer: $0.layer, tensor: $0.tensor) }
        }
        let found = positions
        func plain(_ segments: [Manifest.Segment]) -> PlainBytes {
            PlainBytes(
                segments.map { segment in
                    PlainBytes.Run(
                        file: archive.file, start: found[segment.layer.digest] ?? 0, count: segment.layer.size)
                })
        }
        var files = facts.manifest.files.map { file in
            File(path: file.path, digest: file.digest, plain: plain(file.segments), segments: file.segments)
        }
        if !segments.isEmpty, let path = try? FilePath("model.safetensors") {
            files.append(File(path: path, digest: nil, plain: plain(segments), segments: segments))
        }
        self.files = files
        self.positions = positions
    }

    /// A file's own digest comes before its layers: both read the same pages while these are in memory.
    var jobs: [Job] {
        var jobs: [Job] = []
        var seen: Set<Digest> = [.empty]
        for (index, file) in files.enumerated() {
            jobs.append(.file(index))
            for segment in file.segments where seen.insert(segment.layer.digest).inserted {
                if let position = positions[segment.layer.digest] {
                    jobs.append(.layer(segment.layer, segment.tensor, at: position))
                }
            }
        }
        return jobs
    }

    /// Each layer once, and its place.
    var layers: [(layer: Layer, kind: Tensor.Kind?, plain: PlainBytes)] {
        jobs.compactMap { job in
            guard case .layer(let layer, let tensor, let position) = job else { return nil }
            return (layer, tensor?.kind, PlainBytes(file: archive.file, start: position, count: layer.size))
        }
    }

    /// Each layer once.
    var layerBytes: UInt64 {
        jobs.reduce(0) { sum, job in if case .layer(let layer, _, _) = job { sum + layer.size } else { sum } }
    }

    func perform(_ job: Job, _ progress: Progress) async throws -> JobResult {
        try Task.checkCancellation()
        switch job {
        case .file(let index):
            var hash = SHA256()
            try ingester.store.forEachChunk(of: files[index].plain) { hash.update($0) }
            return .file(hash.finish())
        case .layer(let layer, let tensor, let position):
            do {
                return .layers(
                    try await ingester.layer(
                        layer, kind: tensor?.kind, PlainBytes(file: archive.file, start: position, count: layer.size)
                    ) { progress.did(bytes: $0) })
            } catch let other as LayerIngester.OtherBytes {
                throw CakeError(
                    .damaged,
                    "\(Printable.escape(archive.path)): the bytes at \(position) hash to "
                        + "\(other.digest.short), not \(layer.digest.short)",
                    fix: "cake verify \(Printable.escape(archive.path)) names all that is damaged; export it again")
            }
        }
    }

    func manifest(_ digests: [Digest]) throws(CakeError) -> Manifest {
        var result: [Manifest.File] = []
        for (file, digest) in zip(files, digests) {
            if let promised = file.digest, promised != digest {
                throw CakeError(
                    .damaged, "\(file.path) was rebuilt, and its bytes hash to \(digest.short), not \(promised.short)",
                    fix: ArchiveFile.advice)
            }
            result.append(
                try Manifest.File(path: file.path, digest: digest, size: file.plain.count, segments: file.segments))
        }
        return try Manifest(files: result)
    }
}
