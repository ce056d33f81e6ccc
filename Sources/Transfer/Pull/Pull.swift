public import Model
internal import Platform
public import Remote
public import Store

/// Pulls a model from a Hub: finds the bytes that are here, downloads the others, turns them into layers while they
/// arrive, checks every file against its published hash, and only then gives the model its name.
public struct Pull: Sendable {
    public struct Options: Sendable {
        public var mostConnections = 32
        public var bytesPerSecond: UInt64?
        /// Folders of other tools' caches to look into before the network is asked.
        public var caches: [String] = []
        /// Download everything, even bytes that are here.
        public var isForced = false
        /// Whether tensors are sampled to find equal ones here; nil for never.
        public var probing: ProbePolicy? = .auto
        /// The model to compare with, rather than those most like it.
        public var base: ModelName?
        /// Whether a tensor may be stored as a delta.
        public var usesDeltas = true
        /// Whether a Xet server may be asked where it keeps tensors.
        public var usesXet = true
        /// The name moves to this model from any other.
        public var replacesName = false
        /// What a model needs to get its name.
        public var gate = SignatureGate.open
        /// Asked for files before the Hub is.
        public var mirrors: Mirrors?
        /// Other servers of a ring, asked instead of mirrors.
        package var peers: (any NearServers)?
        /// Readers of files during the download.
        package var reading: [FilePath: ArrivingFile] = [:]
        /// What becomes layers only when these readers have their files.
        package var readersFirst: ReadersFirst?
        /// All files of a pull without a selection; nil when this pull takes as many.
        public var complete: [SnapshotFile]?
        /// The mark of a new name: how it came to be here.
        package var mark: NameRecord.Mark?
        /// What the pull is for, which is said beside the parts of its files.
        var note: PullNote?
        /// Each holds its folder of parts during the download, and a process may have only so many open files.
        var filesAtOnce = 200
        public init() {}
    }

    /// Why bytes were not downloaded. The raw values are keys of JSON documents.
    public enum Proof: String, CaseIterable, Sendable {
        /// A file of the same hash is in the store.
        case knownFile = "known_file"
        case cachedFile = "huggingface_cache"
        /// An earlier download of the file was interrupted.
        case resumed
        /// A peer's manifest names layers that are here; then the file's hash was checked, as for the next two.
        case published = "peer_manifest"
        /// In the same chunks of Xet.
        case coordinates = "xet"
        /// Equal in every sample.
        case samples
        /// A peer sent compressed layers: what is left of them was downloaded.
        case layers = "peer_layers"
    }

    public struct Report: Sendable {
        public let name: ModelName
        public let manifest: Digest
        public let commit: String
        public let files: Int
        public let bytes: UInt64
        public let bytesFetched: UInt64
        public let bytesSaved: [Proof: UInt64]
        /// The bytes that came as layers, and from where.
        public var layers: (bytes: UInt64, place: String)?
        public let bytesStored: UInt64
        /// The commit that the name had before, if this one is older.
        public let wentBackFrom: String?
        /// Files with invalid headers.
        public let complaints: [CakeError]
        /// Why models here were not looked at as bases.
        public let baseTroubles: [CakeError]
        /// Of a part of a model: how many tensors are here, and how many are not.
        public var tensors: (here: Int, missing: Int)?
    }

    let source: HubSource
    let store: LocalStore
    let progress: Progress
    let options: Options
    let troubles = BaseTroubles()

    public init(from source: HubSource, into store: LocalStore, progress: Progress, options: Options) {
        self.source = source.isTold ? source.patient : source
        self.store = store
        self.progress = progress
        self.options = options
    }

    /// `selected` are the files of the snapshot that are wanted.
    public func callAsFunction(
        _ snapshot: Snapshot, _ selected: [SnapshotFile], as name: ModelName,
        waiting: @escaping @Sendable (FilePath) -> Void
    ) async throws -> Report {
        if !options.replacesName {
            try store.refuseTaken(
                name, by: selected, from: snapshot.repository.description, fix: Pull.advice(for: name))
        }
        let shipped = try await shippedSignatures(of: snapshot, as: name)
        let operation = try Operation(store)
        progress.expect(bytes: selected.reduce(0) { $0 + $1.size }, items: UInt64(selected.count))
        let inventory = try Inventory(selected, store: store, operation: operation, options)
        for file in inventory.known { progress.knew(file) }
        var fetched = Fetched(verified: inventory.known)
        let copies = PullCopies(inventory.missing, in: snapshot)
        let xet = XetSource(source)
        let terms = options.usesXet ? XetTerms(xet, of: snapshot) : nil
        let peer = try await peer(snapshot, copies.firsts.map(\.listed))
        let provers = provers(
            for: snapshot, xet, terms, operation, part: try part(of: name, at: snapshot), peer)
        var options = options
        options.note = note(name, snapshot, bytes: selected.reduce(0) { $0 + $1.size })
        let batches = copies.firsts.batches(of: options.filesAtOnce)
        for (number, batch) in batches.enumerated() {
            let work = PullWork(
                source: source, snapshot: snapshot, store: store, operation: operation, progress: progress,
                options: options, bases: baseCandidates(of: snapshot),
                provers: provers, terms: terms, peer: peer)
            try await bring(batch, copies, work, &fetched, waiting)
            if number + 1 < batches.count {
                fetched.stored += try operation.publish(telling: progress)
                for checkpoint in fetched.checkpoints { try checkpoint.settle() }
            }
        }
        progress.begin("finishing \(name)")
        fetched.stored += try operation.publish(telling: progress)
        var saved = fetched.saved
        saved[.layers, default: 0] -= min(fetched.bytesAsLayers, saved[.layers, default: 0])
        saved[.knownFile, default: 0] += inventory.known.reduce(0) { $0 + $1.size }
        var (manifest, digest): (Manifest, Digest)
        var pointed: LocalStore.Pointed
        repeat {
            let record = try store.record(of: name)
            let rest = store.rest(of: record, at: snapshot.commit, without: fetched.verified)
            manifest = try Manifest(files: fetched.verified + rest)
            digest = try store.save(manifest, in: operation)
            try keepCoordinates(fetched, of: manifest, digest, in: operation)
            let admission = try await admit(name, digest, of: snapshot, shipped)
            // Another pull of the same name may have ended meanwhile: its files stay.
            pointed = try point(
                name, from: record, to: digest, snapshot, selected, saved, without: missingFiles(of: manifest),
                by: admission, in: operation)
        } while !pointed.isDone
        for file in manifest.files { options.reading[file.path]?.hears(.stored(file, manifest: digest)) }
        for file in fetched.finished { try file.fetching.discardParts() }
        for checkpoint in fetched.checkpoints { try checkpoint.retire() }
        return Report(
            name: name, manifest: digest, commit: snapshot.commit, files: selected.count,
            bytes: fetched.verified.reduce(0) { $0 + $1.size }, bytesFetched: fetched.bytes, bytesSaved: saved,
            layers: peer.map { (fetched.bytesAsLayers, $0.place) }, bytesStored: fetched.stored,
            wentBackFrom: pointed.wentBackFrom(to: snapshot.commit),
            complaints: fetched.finished.compactMap(\.segmentation.complaint), baseTroubles: troubles.all)
    }

    func baseCandidates(of snapshot: Snapshot) -> BaseCandidates {
        BaseCandidates(
            in: store, named: options.base, declared: snapshot.baseModels,
            mayBeClosed: options.mark == .mirroredClosed, telling: troubles)
    }

    /// From the cheapest on.
    func provers(
        for snapshot: Snapshot, _ xet: XetSource, _ terms: XetTerms?, _ operation: Operation, part: Manifest?,
        _ peer: PeerModel?
    ) -> [any Prover] {
        guard !options.isForced else { return [] }
        var provers: [any Prover] = part.map { [PartProof($0)] } ?? []
        if let peer { provers.append(PeerProof(peer: peer)) }
        if let terms {
            let records = XetRecords(
                store: store, operation: operation, hub: source, source: xet, declared: snapshot.baseModels)
            provers.append(XetProof(store: store, snapshot: snapshot, terms: terms, records: records))
        }
        if let policy = options.probing { provers.append(Probe(store: store, policy: policy)) }
        return provers
    }

    /// Saves where the layers are at Xet, for later pulls. Layers that were here keep their earlier records.
    private func keepCoordinates(
        _ fetched: Fetched, of manifest: Manifest, _ digest: Digest, in operation: Operation
    ) throws(CakeError) {
        var record = XetRecord()
        for file in manifest.files {
            if let terms = fetched.terms[file.digest] { record.add(file.segments.lazy.map(\.layer), of: terms) }
        }
        var missing = Set(manifest.layers.map(\.digest)).subtracting(record.entries.lazy.map(\.layer.digest))
        for other in try store.manifestDigests() where !missing.isEmpty {
            for entry in store.coordinates(of: other)?.entries ?? []
            where missing.remove(entry.layer.digest) != nil { record.add(entry) }
        }
        if !record.entries.isEmpty { try store.keep(record, of: digest, in: operation) }
    }

    func bring(
        _ batch: [WantedFile], _ copies: PullCopies, _ work: PullWork, _ fetched: inout Fetched,
        _ waiting: @escaping @Sendable (FilePath) -> Void
    ) async throws {
        try await work.bring(batch, copies, &fetched, publisher: "\(source.routes)", waiting)
    }

    /// Which of the files a pull would have to download, as far as is known without a request.
    public static func missing(
        _ wanted: [SnapshotFile], in store: LocalStore, _ options: Options
    ) throws(CakeError) -> [SnapshotFile] {
        try Inventory(wanted, store: store, operation: Operation(store), options).missing.map(\.listed)
    }

    struct Fetched {
        var verified: [Manifest.File]
        var bytes: UInt64 = 0
        var bytesAsLayers: UInt64 = 0
        var stored: UInt64 = 0
        var saved: [Proof: UInt64] = [:]
        var finished: [PullFile] = []
        var checkpoints: [Checkpoint] = []
        /// By the file's SHA-256.
        var terms: [Digest: XetReconstruction] = [:]

        init(verified: [Manifest.File]) { self.verified = verified }

        mutating func add(_ outcome: PullWork.Brought, _ copies: PullCopies) throws(CakeError) {
            for (listed, file) in outcome.verified {
                let same = try copies.copies(of: file, listed)
                verified += [file] + same
                let size = same.reduce(UInt64(0)) { $0 + $1.size }
                if size > 0 { saved[.knownFile, default: 0] += size }
            }
            bytes += outcome.bytesFetched
            bytesAsLayers += outcome.bytesAsLayers
            stored += outcome.bytesStored
            saved.merge(outcome.saved) { $0 + $1 }
            finished += outcome.finished
            terms.merge(outcome.terms) { $1 }
            if let checkpoint = outcome.checkpoint { checkpoints.append(checkpoint) }
        }
    }
}

extension Progress {
    fileprivate func knew(_ file: Manifest.File) {
        had(bytes: file.size)
        finished()
    }
}
