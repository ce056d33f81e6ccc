internal import Model
internal import Platform
internal import Remote
internal import Store
internal import Synchronization

/// The cuts of a lazily read file, and what is known of them.
struct LazyPlan: Sendable {
    let segmentation: Segmentation
    let units: [Plan.Unit]
}

/// A repository of a Hub whose files are read lazily.
final class LazyHub: Sendable {
    /// A file with its parts, and what a pull would know of it before the first byte.
    final class Opened: Sendable {
        let file: PullFile
        let plan: LazyPlan
        private let check = Atomic(0)

        init(_ file: PullFile, _ plan: LazyPlan) { (self.file, self.plan) = (file, plan) }

        var remote: (any RemoteFile)? { file.opened.remote }

        /// What needs no download.
        var here: RangeSet<UInt64> { RangeSet(0..<file.listed.size).subtracting(file.fetching.gaps) }

        /// True for the first who asks.
        func begins() -> Bool { check.compareExchange(expected: 0, desired: 1, ordering: .relaxed).exchanged }

        /// All that follows from it is done.
        func ends() { check.store(2, ordering: .relaxed) }

        var isBeingChecked: Bool { check.load(ordering: .relaxed) == 1 }
    }

    enum Found: Sendable {
        case stored(ArrivingLayers)
        case coming(Opened)
    }

    let name: ModelName
    let source: HubSource
    let snapshot: Snapshot
    let shared: LazyFiles
    private let options: Pull.Options
    private let work: PullWork

    init(
        _ name: ModelName, _ snapshot: Snapshot, from source: HubSource, among shared: LazyFiles,
        _ options: Pull.Options
    )
        throws(CakeError)
    {
        (self.name, self.snapshot, self.shared) = (name, snapshot, shared)
        var options = options
        // Only what is proved is given in place of bytes.
        options.probing = nil
        let pull = Pull(from: source, into: shared.store, progress: Progress("reading \(name)"), options: options)
        options.note = pull.note(name, snapshot, bytes: snapshot.size)
        self.source = pull.source
        self.options = options
        work = pull.lazyWork(snapshot, in: shared.operation, options)
    }

    /// From the store where all of it is there; else its parts, its header and the layers that are known to be in it.
    func open(_ listed: SnapshotFile, knowing known: LazyPlan?, mayCopy: Bool) async throws -> Found {
        let inventory = try Inventory([listed], store: shared.store, operation: shared.operation, options)
        if let stored = inventory.known.first {
            return .stored(ArrivingLayers(stored, isHere: true))
        }
        var wanted = inventory.missing.first ?? WantedFile(listed: listed, mayCopy: true)
        wanted.mayCopy = mayCopy
        let place = try place(of: wanted)
        if let known {
            let remote = HubFile(listed, in: snapshot, from: source, through: options.mirrors)
            return .coming(opened(wanted, known, place, remote))
        }
        let opened = try await work.open(wanted, place)
        var outcome = PullWork.Brought()
        let units = try await work.plan(for: [opened], &outcome).units[0]
        shared.fetched(opened.fetchedForHeader + outcome.bytesFetched)
        let plan = LazyPlan(segmentation: opened.segmentation, units: units)
        return .coming(Opened(PullFile(0, opened, units, onWhole: { _ in }), plan))
    }

    private func opened(_ wanted: WantedFile, _ plan: LazyPlan, _ place: PullWork.Hold, _ remote: HubFile) -> Opened {
        let bytes: FetchingFile.Bytes =
            switch place {
            case .copy(let copy): .copy(copy)
            case .parts(let parts): .parts(parts, remote)
            }
        let opened = OpenedFile(wanted: wanted, segmentation: plan.segmentation, bytes: bytes, remote: remote)
        return Opened(PullFile(0, opened, plan.units, onWhole: { _ in }), plan)
    }

    /// The parts that a pull would go on with. While a pull has them, others of their own.
    private func place(of wanted: WantedFile) throws(CakeError) -> PullWork.Hold {
        let listed = wanted.listed
        if wanted.mayCopy, let copy = CachedBlob.find(listed, in: options.caches, of: snapshot.repository) {
            return .copy(copy)
        }
        let key = PartsKey.of(listed, in: snapshot)
        if let parts = try Parts.takeIfFree(shared.store, key: key, for: options.note) { return .parts(parts) }
        let text = Array("\(key.hex)\n\(Machine.process)".utf8)
        let own = SHA256.digest(of: text.span)
        guard let parts = try Parts.takeIfFree(shared.store, key: own, for: options.note) else {
            throw CakeError(.locked, "another cake is downloading \(listed.path)", fix: "read it when that has ended")
        }
        return .parts(parts)
    }

    /// Hashes a file of which every byte is here.
    func matches(_ opened: Opened) async throws -> Bool {
        let file = opened.file
        var running = PullWork.Running(file.listed)
        for unit in file.units {
            try Task.checkCancellation()
            if let layer = unit.layer {
                do {
                    try await work.follow([layer], &running)
                } catch let unreadable as PieceReader.Unreadable { throw unreadable.error }
            } else {
                try shared.store.forEachChunk(of: file.fetching.plain(unit.run.bytes)) { running.update($0) }
            }
        }
        return running.finish().isAsPublished(file.listed, announced: file.announced)
    }

    static func words(_ error: any Error) -> CakeError {
        switch error {
        case let failure as TransientFailure: failure.error
        case let error as CakeError: error
        case is CancellationError: LazyFiles.ending
        default: CakeError(.failed, "\(error)")
        }
    }
}

extension Pull {
    /// A pull's work for files that are read lazily: opening them, and what is known of their bytes.
    func lazyWork(_ snapshot: Snapshot, in operation: Operation, _ options: Options) -> PullWork {
        let xet = XetSource(source)
        let terms = options.usesXet ? XetTerms(xet, of: snapshot) : nil
        return PullWork(
            source: source, snapshot: snapshot, store: store, operation: operation, progress: progress,
            options: options, bases: baseCandidates(of: snapshot),
            provers: provers(for: snapshot, xet, terms, operation, part: nil, nil), terms: terms)
    }
}
