internal import Model
internal import Platform
internal import Remote
internal import Store
internal import Synchronization

/// Downloads missing files: three things at once. Bytes arrive; complete units become layers; and each file is hashed
/// in order, and compared with its published hash.
struct PullWork: Sendable {
    struct Brought: Sendable {
        var verified: [(SnapshotFile, Manifest.File)] = []
        /// Files that do not match, and what to try next.
        var wrong: [WantedFile] = []
        /// Files whose parts may be removed once the layers are published.
        var finished: [PullFile] = []
        var checkpoint: Checkpoint?
        var bytesFetched: UInt64 = 0
        /// The bytes of these that came as layers from packs.
        var bytesAsLayers: UInt64 = 0
        var bytesStored: UInt64 = 0
        var saved: [Pull.Proof: UInt64] = [:]
        /// Xet's statements about the files, by their SHA-256.
        var terms: [Digest: XetReconstruction] = [:]
    }

    let origin: any PullOrigin
    let store: LocalStore
    let operation: Operation
    let progress: Progress
    let options: Pull.Options
    let bases: BaseCandidates
    /// From the cheapest on.
    let provers: [any Prover]
    /// Nil when Xet is not to be asked.
    let terms: XetTerms?
    /// A server that has the layers; nil if none was found.
    var peer: PeerModel?

    private static let publishStep: UInt64 = 256 << 20
    private static let patience = Duration.seconds(10)

    func callAsFunction(
        _ wanted: [WantedFile], waiting: @escaping @Sendable (FilePath) -> Void
    ) async throws -> Brought {
        let finished = FinishedUnits()
        defer { finished.end() }
        var outcome = Brought()
        let opened = try await open(wanted, waiting, &outcome)
        let plan = try await plan(for: opened, &outcome)
        let whole = UnitsAfterReaders(finished, options.readersFirst)
        defer { whole.endAll() }
        let files = opened.indices.map { number in
            let units = plan.units[number]
            return PullFile(
                number, opened[number], units, onWhole: whole.of(file: number, opened[number].wanted, units))
        }
        for (opened, file) in zip(opened, files) { count(opened, file, &outcome) }
        // Before a client reads the beginning of a file that does not fit.
        try await refuseIfTooSmall(for: files)
        for file in files { file.wanted.reading?.hears(.begun(file)) }
        let checkpoint = Checkpoint(files, store: store, operation: operation)
        outcome.checkpoint = checkpoint
        let brought = try await withThrowingTaskGroup(of: [Digest: XetReconstruction]?.self) { group in
            group.addTask(executorPreference: store.pool) { await terms(of: files) }
            let found = try await bring(files, finished, checkpoint, after: whole)
            // The terms are a gain for later, and not worth much of a wait.
            group.addTask {
                try? await Task.sleep(for: PullWork.patience)
                return nil
            }
            for try await terms in group {
                group.cancelAll()
                if let terms { outcome.terms = terms }
            }
            return found
        }
        outcome.bytesStored += brought.stored
        for (file, finding) in zip(files, brought.findings) { try settle(file, finding, &outcome) }
        return outcome
    }

    /// For later pulls. Requested while the bytes arrive.
    private func terms(of files: [PullFile]) async -> [Digest: XetReconstruction] {
        var found: [Digest: XetReconstruction] = [:]
        for file in files {
            guard let sha256 = file.listed.sha256, let terms = await terms?.terms(of: file.listed) else { continue }
            found[sha256] = terms
        }
        return found
    }

    /// Counts downloaded and reused bytes.
    private func count(_ opened: OpenedFile, _ file: PullFile, _ outcome: inout Brought) {
        let (size, missing, given) = (file.listed.size, file.missing, file.given)
        let stored = given.values.reduce(0, +)
        let here = size - min(size, stored + missing + opened.fetchedForHeader)
        progress.skipped(bytes: size - missing - stored)
        progress.knew(bytes: here)
        let proof: Pull.Proof = if opened.remote == nil { .cachedFile } else { .resumed }
        if here > 0 { outcome.saved[proof, default: 0] += here }
        outcome.saved.merge(given) { $0 + $1 }
        outcome.bytesFetched += missing + opened.fetchedForHeader
    }

    /// A file that matches is finished. Otherwise assumptions are doubted before the server's bytes.
    private func settle(_ file: PullFile, _ finding: Finding, _ outcome: inout Brought) throws {
        if case .hashed(let found) = finding, found.isAsPublished(file.listed, announced: file.announced) {
            outcome.verified.append((file.listed, try file.described(digest: found.sha256)))
            outcome.finished.append(file)
            return
        }
        file.wanted.reading?.hears(.wrong)
        for (proof, bytes) in file.given { outcome.saved[proof, default: 0] -= bytes }
        var next = file.wanted
        let damage = try damage(under: file)
        if !damage.isEmpty {
            // Neither the publisher nor the assumption is to blame: damaged layers are downloaded.
            next.avoided.formUnion(damage)
            file.fetching.keepParts()
        } else if file.given[.published] != nil || file.given[.layers] != nil {
            // The server that named them is not asked again; all other sources are asked from the start.
            peer?.wasWrong()
            next.known = nil
            file.fetching.keepParts()
        } else if file.units.contains(where: { $0.layer != nil }) {
            next.known = nil
            next.doubted = file.assumptions
            next.contradictions += 1
            file.fetching.keepParts()
        } else {
            if file.opened.remote == nil { next.mayCopy = false } else { next.failures += 1 }
            try file.fetching.discardParts()
        }
        outcome.wrong.append(next)
    }

    /// Bytes arrive, units become layers, and each file is hashed. Returns the stored bytes, and the result for each
    /// file.
    func bring(
        _ files: [PullFile], _ finished: FinishedUnits, _ checkpoint: Checkpoint, isHashed: Bool = true,
        after whole: UnitsAfterReaders? = nil
    ) async throws -> (stored: UInt64, findings: [Finding]) {
        let fetch = Fetch(
            files.map(\.fetching), connections: options.mostConnections, bytesPerSecond: options.bytesPerSecond,
            pool: store.pool, telling: progress)
        let intake = Intake(
            operation: operation, pool: store.pool, progress: progress, publishStep: PullWork.publishStep)
        let offers = options.usesDeltas ? BaseOffers(bases, for: files.map(\.segmentation)) : nil
        let ingester = LayerIngester(store: store, operation: operation, offers: offers)
        let hashes = isHashed ? FileHashes(files.map(PullWork.hashed), from: finished) : nil
        if let hashes { whole?.tell(hashes) }
        var converter = LayersOfFiles(files: files, ingester: ingester, checkpoint: checkpoint, hashes: hashes)
        let done = try await intake(
            fetch, finished, count: files.reduce(0) { $0 + $1.units.count { $0.layer == nil } }, by: &converter
        ) {
            guard let hashes else { return [Finding]() }
            return try await hash(files, hashes, checkpoint) { whole?.end($0) }
        }
        return (done.stored, done.other)
    }

    /// A client that reads a file waits for its digest, and a small file's other digest is made with it.
    private static func hashed(_ file: PullFile) -> (units: [FileHashes.Unit], isAlone: Bool) {
        (
            file.units.map { FileHashes.Unit(bytes: $0.run.bytes, isStored: $0.layer != nil) },
            file.wanted.reading != nil || file.listed.gitDigest != nil
        )
    }

    /// Makes layers of a pull's units.
    private struct LayersOfFiles: Converter {
        let files: [PullFile]
        let ingester: LayerIngester
        let checkpoint: Checkpoint
        let hashes: FileHashes?

        var convert: @Sendable (FinishedUnit) async throws -> LayerIngester.Layered {
            { [files, ingester, hashes] unit in
                let file = files[unit.file]
                let run = file.units[unit.unit].run
                let carried = hashes?.begin(unit.unit, of: unit.file, canCarry: run.isLarge)
                let others = try carried?.others.map { try files[$0.file].fetching.plain($0.bytes) }
                return try await ingester.layer(
                    run, of: file.segmentation, file: unit.file, file.fetching.plain(run.bytes),
                    reading: carried.map { carried in { try carried.read($0, over: others, in: ingester.store) } }
                ) { _ in }
            }
        }

        func take(_ layered: LayerIngester.Layered, of unit: FinishedUnit) throws -> Bool {
            try layered.pack(in: ingester.operation)
            files[unit.file].note(layered, of: files[unit.file].units[unit.unit])
            return false
        }

        func settle() throws { try checkpoint.settle() }
    }

    /// The parts lie beside the layers until the file is complete: space for both is needed.
    func refuseIfTooSmall(for files: [PullFile]) async throws {
        let missing = files.reduce(UInt64(0)) { $0 + $1.missing }
        let layers = files.reduce(UInt64(0)) { sum, file in
            file.units.reduce(sum) { $0 + ($1.layer == nil ? $1.run.count : 0) }
        }
        try store.refuseIfTooSmall(forFetching: missing + layers)
    }
}

/// The key of a remote file's parts: its content if that is known; then any model's pull finds them.
enum PartsKey {
    static func of(_ file: SnapshotFile, in snapshot: Snapshot) -> Digest {
        if let sha256 = file.sha256 { return sha256 }
        let text = "\(snapshot.repository)\n\(snapshot.commit)\n\(file.path.string)\n\(file.blob?.hex ?? "")"
        let bytes = Array(text.utf8)
        return SHA256.digest(of: bytes.span)
    }
}
