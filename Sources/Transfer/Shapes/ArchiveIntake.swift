internal import Model
internal import Platform
internal import Store

/// Where the layers of a model come from that another tool wrote, each in order.
protocol ArchiveSource: Sendable {
    /// For messages.
    var place: String { get }
    /// When a layer's bytes are not those that its digest names.
    var mismatch: CakeError { get }

    func pass(_ layer: ForeignLayer, to take: (Chunk, Int) async throws -> Void) async throws
}

/// Brings the archives of a model: each comes in order, and its files become layers meanwhile. Neither an archive nor a file is
/// ever whole on this disk. When one is complete, what was in it is saved: an interrupted command does not bring it again.
struct ArchiveIntake: Sendable {
    struct Brought: Sendable {
        /// By archive.
        var entries: [[ArchiveStream.Entry]]
        var stored: UInt64 = 0
        /// The manifest without a name that keeps them.
        var checkpoint: Digest?
    }

    let source: any ArchiveSource
    let store: LocalStore
    let operation: Operation
    let progress: Progress
    let bases: BaseCandidates
    /// Each has memory for a decoder, and bytes of a unit on the disk.
    var streams = ArchiveIntake.mostStreams

    static let mostStreams = 3
    private static let publishStep: UInt64 = 256 << 20

    func callAsFunction(_ archives: [ForeignLayer]) async throws -> Brought {
        let finished = FinishedUnits()
        defer { finished.end() }
        let jobs = ArchiveJobs(finished)
        let intake = Intake(
            operation: operation, pool: store.pool, progress: progress, publishStep: ArchiveIntake.publishStep)
        let begun = LayersOfArchives(
            archives, jobs, LayerIngester(store: store, operation: operation), progress: progress)
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
                        try await read(archives[number], number, jobs)
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

    private func read(_ layer: ForeignLayer, _ number: Int, _ jobs: ArchiveJobs) async throws {
        let stream = ArchiveStream(
            layer, in: store, spoolingAt: "\(operation.folder)/unit-\(number)", bases: bases, mismatch: source.mismatch)
        var units = 0
        func handOver() async throws {
            for (file, unit, plain) in stream.takeReady() {
                try await jobs.add(.unit(file, unit, plain), of: number)
                units += 1
            }
        }
        do {
            try await source.pass(layer) { chunk, count in
                try Task.checkCancellation()
                try await stream.take(chunk, count, handOver)
                progress.did(bytes: UInt64(count))
            }
            try stream.finish()
        } catch let error as CakeError where error.kind == .damaged {
            throw error.at("layer \(layer.digest.short) of \(source.place)")
        }
        try await handOver()
        try await jobs.add(.end(units: units, stream.entries), of: number)
        progress.finished()
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
            if archives[number].isArchive {
                contents.append(ArchiveContents(ArchiveContents.Key(archives[number]), saved))
            }
        }
        guard let manifest = try? Manifest(files: Array(files.values)) else { return }
        let digest = try ingester.store.save(manifest, in: ingester.operation)
        ingester.store.keep(contents, of: digest)
        if let checkpoint, checkpoint != digest { try ingester.store.retire(checkpoint) }
        checkpoint = digest
    }
}
