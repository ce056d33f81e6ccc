public import Model
internal import Platform
public import Store

/// Puts a model from this disk into the store: hashes every layer, writes those that are not here, publishes them, then
/// the manifest, then the name.
public struct Import: Sendable {
    /// The result.
    public struct Report: Sendable {
        public let name: ModelName
        public let manifest: Digest
        public let files: Int
        public let tensors: Int
        public let bytes: UInt64
        /// Of these, bytes of layers that were here already or came twice.
        public let bytesKnown: UInt64
        /// The stored size of the others.
        public let bytesStored: UInt64
        /// The manifest that the name had before, if it was another.
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
    /// The name moves to this model from any other.
    let replacesName: Bool
    let troubles = BaseTroubles()

    /// Candidates for the bases of new tensors.
    public enum Bases: Sendable {
        case none
        /// From the model that its card or adapter names, else from a similar one.
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

    /// Published in steps of this size: a long import keeps its work when it is killed.
    static let publishStep: UInt64 = 1 << 30

    public func callAsFunction(_ candidate: ImportPath.Candidate) async throws -> Report {
        let origin = ModelOrigin(candidate.origin, revision: candidate.revision, commit: candidate.commit)
        try refuseTaken(
            candidate.name,
            candidate.source.files.map { SnapshotFile(path: $0.path, size: $0.size, sha256: $0.promised) }, from: origin
        )
        let files = try open(candidate.source)
        if !isDryRun { try ImportRoom(in: store, usesDeltas: usesDeltas).refuseIfTooSmall(for: files) }
        progress.expect(bytes: files.reduce(0) { $0 + $1.found.size }, items: UInt64(files.count))
        let operation = try Operation(store)
        let ingester = LayerIngester(
            store: store, operation: operation, offers: offers(for: files), isDryRun: isDryRun)
        let intake = Intake(
            operation: operation, pool: store.pool, progress: progress, publishStep: Import.publishStep)
        var work = ImportWork(files, into: ingester, telling: progress)
        var stored: UInt64
        do {
            stored = try await intake.convert(work.begin(), count: work.count, by: &work)
        } catch is CancellationError {
            // Complete layers are kept: the next import finds them.
            try operation.publish(telling: progress)
            throw CancellationError()
        }
        try refuseChanges(of: files)
        let manifest = try work.manifest()
        let named = try name(candidate.name, manifest, from: origin, in: operation)
        stored += named.stored
        return Report(
            name: candidate.name, manifest: named.manifest, files: files.count,
            tensors: manifest.files.reduce(0) { $0 + $1.segments.count { $0.tensor != nil } }, bytes: manifest.size,
            bytesKnown: work.bytesKnown, bytesStored: stored, replaced: named.replaced,
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
        return BaseOffers(likely, for: files.map(\.segmentation)) { number, cut throws(CakeError) in
            try files[number].sketch(ofCut: cut)
        }
    }

    /// The base model that the model declares, if that can be read.
    private static func declaredBase(of files: [ImportWork.Opened]) -> String? {
        func small(_ path: String) -> [UInt8]? {
            guard let found = files.first(where: { $0.found.path.string == path })?.found else { return nil }
            return try? Disk.read(found.location, limit: 1 << 20)
        }
        let adapter = small("adapter_config.json").flatMap { bytes in try? JSONValue(parsing: bytes.span) }
        let card = small(ModelCard.fileName)
        return Facts.baseModel(adapterConfig: adapter, card: card?.span)
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
