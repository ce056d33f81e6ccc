public import Model
internal import Platform
public import Store

/// Puts a model from this disk into the store: hashes every layer, writes those that are not here, publishes them, then
/// the manifest, then the name.
public struct Import: Sendable {
    /// What came of it.
    public struct Report: Sendable {
        public let name: ModelName
        public let manifest: Digest
        public let files: Int
        public let tensors: Int
        public let bytes: UInt64
        /// Of these, bytes of layers that were here already or came twice.
        public let bytesKnown: UInt64
        /// What the others take at rest.
        public let bytesStored: UInt64
        /// What the name pointed to before, when that was another model.
        public let replaced: Digest?
        public let complaints: [CakeError]
        /// Why models here were not looked at as bases.
        public let baseTroubles: [CakeError]
    }

    let store: LocalStore
    let progress: Progress
    let isLenient: Bool
    let bases: Bases
    /// Everything is read and nothing is stored.
    let isDryRun: Bool
    /// The name goes to this model whatever has it.
    let replacesName: Bool
    let troubles = BaseTroubles()

    /// What a new tensor may be stored as a delta of.
    public enum Bases: Sendable {
        case none
        /// Of the model that its card or adapter names, else of one that is alike.
        case found
        case of(ModelName)
    }

    public init(
        into store: LocalStore, progress: Progress, isLenient: Bool = false, bases: Bases = .found,
        isDryRun: Bool = false, replacesName: Bool = false
    ) {
        self.store = store
        self.progress = progress
        self.isLenient = isLenient
        self.bases = bases
        self.isDryRun = isDryRun
        self.replacesName = replacesName
    }

    /// Published in steps of this size, so that a long import keeps what it has done when it is killed.
    static let publishStep: UInt64 = 1 << 30

    public func callAsFunction(_ candidate: ImportPath.Candidate) async throws -> Report {
        let origin = Origin(candidate.origin, revision: candidate.revision, commit: candidate.commit)
        try refuseTaken(
            candidate.name,
            candidate.source.files.map { SnapshotFile(path: $0.path, size: $0.size, sha256: $0.promised) }, from: origin
        )
        let files = try open(candidate.source)
        if !isDryRun { try ImportRoom(in: store, usesDeltas: usesDeltas).refuseIfTooSmall(for: files) }
        progress.expect(bytes: files.reduce(0) { $0 + $1.found.size }, items: UInt64(files.count))
        let operation = try Operation(store)
        var stored: UInt64 = 0
        let ingester = LayerIngester(
            store: store, operation: operation, offers: offers(for: files), isDryRun: isDryRun)
        let work = ImportWork(ingester: ingester, files: files, progress: progress)
        var tally = Tally(files, work.units)
        for units in work.units where units.isEmpty { progress.finished() }
        do {
            stored = try await perform(work, into: &tally)
        } catch is CancellationError {
            // What is whole is kept: the next import finds it here.
            try operation.publish(telling: progress)
            throw CancellationError()
        }
        try refuseChanges(of: files)
        let manifest = try tally.manifest(of: files)
        let named = try name(candidate.name, manifest, from: origin, in: operation)
        stored += named.stored
        return Report(
            name: candidate.name, manifest: named.manifest, files: files.count,
            tensors: manifest.files.reduce(0) { $0 + $1.segments.count { $0.tensor != nil } }, bytes: manifest.size,
            bytesKnown: tally.bytesKnown, bytesStored: stored, replaced: named.replaced,
            complaints: files.compactMap(\.segmentation.complaint), baseTroubles: troubles.all)
    }

    private var usesDeltas: Bool { if case .none = bases { false } else { true } }

    private func offers(for files: [ImportWork.Opened]) -> BaseOffers? {
        let likely: BaseCandidates
        switch bases {
        case .none: return nil
        case .of(let name): likely = BaseCandidates(in: store, named: name, declared: [], telling: troubles)
        case .found:
            likely = BaseCandidates(
                in: store, named: nil, declared: Import.declaredBase(of: files).map { [$0] } ?? [], telling: troubles)
        }
        return BaseOffers(likely, for: files.map(\.segmentation))
    }

    /// What the model says it was made from, where that can be read.
    private static func declaredBase(of files: [ImportWork.Opened]) -> String? {
        func small(_ path: String) -> [UInt8]? {
            guard let found = files.first(where: { $0.found.path.string == path })?.found else { return nil }
            return try? Disk.read(found.location, limit: 1 << 20)
        }
        let adapter = small("adapter_config.json").flatMap { bytes in try? JSONValue(parsing: bytes.span) }
        let card = small(ModelCard.fileName)
        return Facts.baseModel(adapterConfig: adapter, card: card?.span)
    }

    /// All steps, a few at once. Returns the bytes at rest that were published on the way.
    private func perform(_ work: ImportWork, into tally: inout Tally) async throws -> UInt64 {
        var stored: UInt64 = 0
        try await withThrowingTaskGroup(of: ImportWork.Outcome.self) { group in
            var steps = work.steps().makeIterator()
            func startOne() {
                guard let step = steps.next() else { return }
                group.addTask(executorPreference: store.pool) { try await work.perform(step) }
            }
            for _ in 0...BlockingPool.processors { startOne() }
            while let outcome = try await group.next() {
                startOne()
                let operation = work.ingester.operation
                try tally.take(outcome, isDryRun ? nil : operation, progress)
                if operation.pendingBytes >= Import.publishStep { stored += try operation.publish(telling: progress) }
            }
        }
        return stored
    }

    /// Opens every file and reads every header before the first byte is stored.
    private func open(_ source: FolderSource) throws -> [ImportWork.Opened] {
        try source.files.map { found in
            try Task.checkCancellation()
            let file = try File(found.location, .read)
            let status = try file.status()
            guard status.size == found.size else { throw Import.changed(found) }
            let segmentation = try Segmentation(of: file, path: found.path, size: status.size, isLenient: isLenient)
            return ImportWork.Opened(found: found, status: status, segmentation: segmentation)
        }
    }

    /// The layers and the file's own digest come from different readings: they fit only if all saw the same bytes.
    private func refuseChanges(of files: [ImportWork.Opened]) throws(CakeError) {
        for file in files {
            guard let now = try Disk.status(file.found.location), now.isUnchanged(since: file.status) else {
                throw Import.changed(file.found)
            }
        }
    }

    private static func changed(_ found: FolderSource.Found) -> CakeError {
        CakeError(
            .failed, "\(found.path) changed while it was read",
            fix: "wait until nothing writes to it, and import it again")
    }
}

/// What is known so far of the files' layers and digests, from work that ends in any order.
private struct Tally {
    private var layers: [[Layer?]]
    private let units: [[Segmentation.Unit]]
    private var digests: [Digest?]
    private(set) var bytesKnown: UInt64 = 0
    /// Small runs that ended before one that lies in front of them; packed in order.
    private var early: [Int: [LocalStore.SmallLayer]] = [:]
    private var nextRun = 0

    init(_ files: [ImportWork.Opened], _ units: [[Segmentation.Unit]]) {
        layers = files.map { Array(repeating: nil, count: $0.segmentation.cuts.count) }
        self.units = units
        // A file of no bytes has no units.
        digests = units.map { $0.isEmpty ? .empty : nil }
    }

    /// Without an operation nothing is packed, as a dry run asks.
    mutating func take(
        _ outcome: ImportWork.Outcome, _ operation: Operation?, _ progress: Progress
    ) throws(CakeError) {
        let (file, found) = (outcome.step.file, outcome.layered)
        for (cut, layer) in zip(units[file][outcome.step.unit].cuts, found.layers) { layers[file][cut] = layer }
        know(found.bytesKnown, progress)
        if let digest = outcome.digest {
            digests[file] = digest
            progress.finished()
        }
        guard case .small(let small) = found else { return }
        early[outcome.step.run] = small
        while let run = early.removeValue(forKey: nextRun) {
            if let operation { for small in run { try small.pack(in: operation) } }
            nextRun += 1
        }
    }

    private mutating func know(_ bytes: UInt64, _ progress: Progress) {
        bytesKnown += bytes
        progress.knew(bytes: bytes)
    }

    func manifest(of files: [ImportWork.Opened]) throws(CakeError) -> Manifest {
        var result: [Manifest.File] = []
        for (index, file) in files.enumerated() {
            guard let digest = digests[index] else {
                throw CakeError(.failed, "\(file.found.path) was not read to its end")
            }
            if let promised = file.found.promised, promised != digest {
                throw CakeError(
                    .damaged,
                    "\(file.found.path): its bytes hash to \(digest.short), and the cache calls them \(promised.short)",
                    fix: "the download is damaged: remove \(Printable.escape(file.found.location)) and fetch it again")
            }
            var segments: [Manifest.Segment] = []
            segments.reserveCapacity(file.segmentation.cuts.count)
            for (cut, layer) in zip(file.segmentation.cuts, layers[index]) {
                guard let layer else { throw CakeError(.failed, "\(file.found.path) was not read to its end") }
                segments.append(Manifest.Segment(layer: layer, tensor: cut.tensor))
            }
            result.append(
                try Manifest.File(path: file.found.path, digest: digest, size: file.found.size, segments: segments))
        }
        return try Manifest(files: result)
    }
}
