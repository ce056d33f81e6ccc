internal import Model
internal import Platform
internal import Remote
internal import Store

/// Brings the archives of a model: each comes in order, and its files become layers meanwhile. Neither an archive nor a file is
/// ever whole on this disk. When one is complete, what was in it is saved: an interrupted pull does not bring it again.
struct ArchiveIntake: Sendable {
    struct Brought: Sendable {
        /// By archive.
        var entries: [[ArchiveStream.Entry]]
        var stored: UInt64 = 0
        /// The manifest without a name that keeps them.
        var checkpoint: Digest?
    }

    let remote: RemoteShape
    let store: LocalStore
    let operation: Operation
    let progress: Progress
    let options: RegistryPull.Options
    let bases: BaseCandidates

    /// Each has memory for a decoder, and bytes of a unit on the disk.
    private static let streams = 3
    /// Over several connections, which are in memory until it is their turn.
    private static let pieceSize: UInt64 = 2 << 20
    private static let connections = 8
    private static let publishStep: UInt64 = 256 << 20

    func callAsFunction(_ archives: [ForeignLayer]) async throws -> Brought {
        let finished = FinishedUnits()
        defer { finished.end() }
        let jobs = ArchiveJobs(finished)
        let intake = Intake(
            operation: operation, pool: store.pool, progress: progress, publishStep: ArchiveIntake.publishStep)
        let begun = LayersOfArchives(
            archives, jobs, LayerIngester(store: store, operation: operation), progress: progress)
        let throttle = options.bytesPerSecond.map { Throttle(bytesPerSecond: $0) }
        let streams = min(ArchiveIntake.streams, max(1, options.mostConnections))
        return try await withThrowingTaskGroup(of: Done.self) { group in
            group.addTask {
                var converter = begun
                var stored = try await intake.convert(finished, count: .max, by: &converter)
                stored += try intake.publish(by: &converter)
                return .made(
                    Brought(entries: converter.entries, stored: stored, checkpoint: converter.checkpoint))
            }
            group.addTask {
                // Without an end the other task would wait for more. After a failure it finishes what came.
                defer { finished.end() }
                do {
                    _ = try await sideBySide(archives.count, atOnce: streams, on: store.pool) { number in
                        try await read(archives[number], number, jobs, throttle)
                    }
                    return .read(nil)
                } catch { return .read(error) }
            }
            var (brought, failure) = (Brought?.none, (any Error)?.none)
            for try await done in group {
                switch done {
                case .made(let made): brought = made
                case .read(let error): failure = error
                }
            }
            if let failure { throw failure }
            guard let brought else { throw CancellationError() }
            return brought
        }
    }

    private enum Done: Sendable {
        case made(Brought)
        case read((any Error)?)
    }

    private func read(_ layer: ForeignLayer, _ number: Int, _ jobs: ArchiveJobs, _ throttle: Throttle?) async throws {
        let blob = remote.blob(
            layer.digest, size: layer.size, line: Line(retry: .patient, says: { progress.stands($0) }))
        let stream = ArchiveStream(
            layer, in: store, spoolingAt: "\(operation.folder)/unit-\(number)", bases: bases)
        var units = 0
        func handOver() async throws {
            for (file, unit, plain) in stream.takeReady() {
                try await jobs.add(.unit(file, unit, plain), of: number)
                units += 1
            }
        }
        func take(_ chunk: Chunk, _ count: Int) async throws {
            try Task.checkCancellation()
            try await stream.take(chunk, count, handOver)
            progress.did(bytes: UInt64(count))
            try await throttle?.take(UInt64(count))
        }
        do {
            if try await comesInPieces(blob, layer.size) {
                let chunks = ChunkPool(chunkCapacity: Int(ArchiveIntake.pieceSize))
                let pieces = Int((layer.size - 1) / ArchiveIntake.pieceSize + 1)
                let atOnce = min(ArchiveIntake.connections, max(1, options.mostConnections))
                try await inOrder(pieces, atOnce: atOnce, on: store.pool) { index in
                    let start = UInt64(index) * ArchiveIntake.pieceSize
                    let chunk = chunks.take()
                    _ = try await blob.fill(chunk, with: start..<min(start + ArchiveIntake.pieceSize, layer.size))
                    return chunk
                } take: { _, chunk in
                    defer { chunks.giveBack(chunk) }
                    try await take(chunk, chunk.count)
                }
            } else if layer.size > 0 {
                _ = try await blob.bring(0..<layer.size) { chunk, bytes in try await take(chunk, Int(bytes.length)) }
            }
            try stream.finish()
        } catch let error as CakeError where error.kind == .damaged {
            throw error.at("layer \(layer.digest.short) of \(remote.place)")
        }
        try await handOver()
        try await jobs.add(.end(units: units, stream.entries), of: number)
        progress.finished()
    }

    /// A registry that ignores ranges would send all of it for each.
    private func comesInPieces(_ blob: RemoteBlob, _ size: UInt64) async throws -> Bool {
        guard size > 2 * ArchiveIntake.pieceSize else { return false }
        return try await blob.line.retrying {
            _ = try await blob.open(0..<1)
            return !blob.comesWhole
        }
    }
}

/// Makes layers of the units, and saves what complete archives had in them.
private struct LayersOfArchives: Converter {
    enum Made: Sendable {
        case layered(LayerIngester.Layered, UnpackedFile, Segmentation.Unit)
        case ended(units: Int, [ArchiveStream.Entry])
    }

    private struct Progressed {
        var taken = 0
        var all: Int?
        var isSaved = false

        var isWhole: Bool { taken == all }
    }

    private let archives: [ForeignLayer]
    private let jobs: ArchiveJobs
    private let ingester: LayerIngester
    private let progress: Progress
    private var states: [Progressed]
    private(set) var entries: [[ArchiveStream.Entry]]
    private(set) var checkpoint: Digest?

    /// A smaller one is published with others: it is soon downloaded again.
    private static let worthPublishing: UInt64 = 16 << 20

    init(_ archives: [ForeignLayer], _ jobs: ArchiveJobs, _ ingester: LayerIngester, progress: Progress) {
        (self.archives, self.jobs, self.ingester, self.progress) = (archives, jobs, ingester, progress)
        states = archives.map { _ in Progressed() }
        entries = archives.map { _ in [] }
    }

    var convert: @Sendable (FinishedUnit) async throws -> Made {
        { [jobs, ingester] place in
            switch jobs.take(place.unit) {
            case .unit(let file, let unit, let plain):
                defer { jobs.done(unit) }
                var ingester = ingester
                ingester.offers = file.offers
                let layered = try await ingester.layer(unit, of: file.segmentation, file: 0, plain) { _ in }
                return .layered(layered, file, unit)
            case .end(let units, let entries): return .ended(units: units, entries)
            case nil: throw CancellationError()
            }
        }
    }

    mutating func take(_ made: Made, of unit: FinishedUnit) throws -> Bool {
        switch made {
        case .layered(let layered, let file, let part):
            try layered.pack(in: ingester.operation)
            file.note(layered, of: part)
            progress.knew(bytes: layered.bytesKnown)
            states[unit.file].taken += 1
        case .ended(let units, let found):
            states[unit.file].all = units
            entries[unit.file] = found
        }
        return states[unit.file].isWhole && archives[unit.file].size >= LayersOfArchives.worthPublishing
    }

    /// The files of all archives that are whole by now.
    mutating func settle() throws {
        guard states.contains(where: { $0.isWhole && !$0.isSaved }) else { return }
        var files: [FilePath: Manifest.File] = [:]
        var contents: [ArchiveContents] = []
        for number in states.indices where states[number].isWhole {
            states[number].isSaved = true
            var saved: [ArchiveContents.Entry] = []
            for (place, file) in entries[number] {
                let described = try file?.described()
                // Manifests have each path once; archives that lie one over the other do not.
                if let described { files[described.path] = files[described.path] ?? described }
                saved.append(.init(place, digest: described?.digest, size: described?.size ?? 0))
            }
            contents.append(ArchiveContents(ArchiveContents.Key(archives[number]), saved))
        }
        guard let manifest = try? Manifest(files: Array(files.values)) else { return }
        let digest = try ingester.store.save(manifest, in: ingester.operation)
        ingester.store.keep(contents, of: digest)
        if let checkpoint, checkpoint != digest { try ingester.store.retire(checkpoint) }
        checkpoint = digest
    }
}
