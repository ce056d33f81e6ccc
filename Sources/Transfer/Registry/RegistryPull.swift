public import Model
internal import Platform
public import Remote
public import Store

/// Pulls a model from a registry: missing layers come by ranges of packs, are decoded and compared with their names,
/// and are kept as they came.
public struct RegistryPull: Sendable {
    public struct Options: Sendable {
        public var mostConnections = 32
        public var bytesPerSecond: UInt64?
        /// Save verified members, for pushes.
        package var remembers = true
        /// The name moves to this model from any other.
        public var replacesName = false
        /// What a model needs to get its name.
        public var gate = SignatureGate.open
        /// The number of stored bytes that are collected before they can be read.
        package var publishStep: UInt64 = 256 << 20
        public init() {}
    }

    public struct Report: Sendable {
        public let manifest: Digest
        public let files: Int
        public let bytes: UInt64
        public let bytesFetched: UInt64
        public let bytesStored: UInt64
        public let layers: Int
        public let layersFetched: Int
        /// Plain bytes of layers that were here.
        public let bytesHere: UInt64
        /// That came with it.
        public var signatures = 0
        /// Of a model that another tool pushed; then layers are those of the registry.
        public var shape: ForeignShape?
        /// Another model in a registry that holds the rest of it.
        public var parent: String?
        /// Files with invalid headers.
        public var complaints: [CakeError] = []
        /// Why models here were not looked at as bases.
        public var baseTroubles: [CakeError] = []
    }

    /// The wanted members of one pack, in their order.
    struct PackWork: Sendable {
        let pack: PackIndex.Pack
        let members: [PackIndex.Member]
        let parts: Parts
        let source: any RangeSource
    }

    let remote: RemoteArtifact
    let store: LocalStore
    let progress: Progress
    let options: Options

    /// A smaller gap between two members is downloaded along: another request would cost more.
    static let bridged: UInt64 = 64 << 10

    public init(of remote: RemoteArtifact, into store: LocalStore, progress: Progress, options: Options) {
        self.remote = remote
        self.store = store
        self.progress = progress
        self.options = options
    }

    /// The bytes to download now.
    public func outlook() throws(CakeError) -> (bytes: UInt64, layers: Int) {
        let missing = try missing(of: remote.model.layers) { layer throws(CakeError) in try store.contains(layer) }
        var bytes: UInt64 = 0
        var known: [Int: RangeSet<UInt64>] = [:]
        for run in RegistryPull.runs(of: missing) {
            if known[run.file] == nil {
                known[run.file] = try Parts.runs(in: store, key: remote.index.packs[run.file].digest)
            }
            let here = known[run.file] ?? RangeSet()
            bytes += run.bytes.length - here.length(within: run.bytes)
        }
        return (bytes, missing.count)
    }

    public func callAsFunction(
        as name: ModelName, from source: RegistryReference,
        waiting: @escaping @Sendable (Digest) -> Void
    ) async throws -> Report {
        let place = source.place
        if !options.replacesName {
            try store.refuseTaken(
                name, by: remote.model.files.map { SnapshotFile(path: $0.path, size: $0.size, sha256: $0.digest) },
                from: place, fix: Pull.advice(for: name))
        }
        let beside = RegistrySignatures(
            gate: options.gate, repository: remote.repository, subject: remote.digest, store: store, progress: progress)
        let signatures = try await beside.find(
            name, from: place, remote.model.files.map { SignedComparison.Candidate($0.path, $0.digest) },
            of: remote.artifact.manifest.name.sha256)
        let operation = try Operation(store)
        let note = PullNote(name, from: source.description, bytes: remote.model.size)
        let brought = try await fetch(remote.model.layers, in: operation, for: note, waiting: waiting)
        progress.begin("finishing \(name)")
        let digest = try store.save(remote.model, in: operation, isClaim: true)
        guard BlobName(digest) == remote.artifact.manifest.name else {
            throw CakeError(
                .damaged, "the model's manifest \(remote.artifact.manifest.name.short) is not in cake's form",
                fix: "push the model again")
        }
        let admission = try await beside.admit(name, from: place, digest, with: signatures, in: operation)
        _ = try store.point(
            name, to: digest, from: ModelOrigin(place, revision: source.tag, commit: remote.digest.hex), by: admission,
            in: operation
        ) { old throws(CakeError) in
            guard !options.replacesName else { return }
            try store.refuseTaken(name, old, by: digest, from: place, fix: Pull.advice(for: name))
        } _: { record, _ in
            (record.mark, record.missing, record.proved, record.etags) = (nil, [], [:], [:])
            record.missingFiles = nil
        }
        var report = Report(
            manifest: digest, files: remote.model.files.count, bytes: remote.model.size,
            bytesFetched: brought.fetched, bytesStored: brought.stored, layers: brought.layers,
            layersFetched: brought.layers - brought.layersHere, bytesHere: brought.bytesHere)
        report.signatures = signatures.count
        return report
    }

    /// The result for these layers.
    struct Fetched: Sendable {
        let layers: Int
        let layersHere: Int
        let bytesHere: UInt64
        let fetched: UInt64
        let stored: UInt64
    }

    /// Downloads the missing ones of the layers, and publishes them. `published` is called for each when it can be
    /// read.
    func fetch(
        _ layers: [Layer], in operation: Operation, for note: PullNote? = nil,
        waiting: @escaping @Sendable (Digest) -> Void,
        published: @escaping @Sendable (Set<Digest>) -> Void = { _ in }
    ) async throws -> Fetched {
        let layers = layers.filter { $0.size > 0 }
        let claims = try operation.claim(layers)
        let here = Set(zip(layers, claims).filter { $0.1 == .here }.map(\.0.digest))
        let missing = try missing(of: layers) { layer throws(CakeError) in
            if here.contains(layer.digest) { return true }
            return try !operation.hold([layer]).isEmpty
        }
        let known = layers.reduce(0) { $0 + (here.contains($1.digest) ? remote.index[$1.digest]?.length ?? 0 : 0) }
        progress.expect(bytes: missing.reduce(known) { $0 + $1.length }, items: UInt64(layers.count))
        progress.had(bytes: known)
        progress.finished(items: UInt64(here.count))
        var work: [PackWork] = []
        for (number, members) in Dictionary(grouping: missing, by: \.pack).sorted(by: { $0.key < $1.key }) {
            let pack = remote.index.packs[number]
            let parts = try await Parts.take(store, key: pack.digest, for: note) { waiting(pack.digest) }
            work.append(
                PackWork(
                    pack: pack, members: members.sorted { $0.offset < $1.offset }, parts: parts,
                    source: RemoteBlob(
                        pack, in: remote.repository, line: Line(retry: .patient, says: { progress.stands($0) }))))
        }
        published(here)
        let brought = try await bring(work, operation, took: { progress.finished() }, published: published)
        return Fetched(
            layers: layers.count, layersHere: here.count,
            bytesHere: layers.reduce(0) { $0 + (here.contains($1.digest) ? $1.size : 0) }, fetched: brought.fetched,
            stored: brought.stored)
    }

    /// Members that are wanted and not here, and the bases that they cannot be read without.
    private func missing(
        of layers: [Layer], _ isHere: (Layer) throws(CakeError) -> Bool
    ) throws(CakeError) -> [PackIndex.Member] {
        var wanted: [Digest: PackIndex.Member] = [:]
        for layer in layers where layer.size > 0 {
            guard try !isHere(layer), let member = remote.index[layer.digest] else { continue }
            wanted[layer.digest] = member
            guard let base = member.base, wanted[base] == nil else { continue }
            guard try !isHere(Layer(digest: base, size: layer.size)), let other = remote.index[base] else { continue }
            wanted[base] = other
        }
        return wanted.values.sorted { ($0.pack, $0.offset) < ($1.pack, $1.offset) }
    }

    /// The requested ranges: members and small gaps between neighbours.
    static func runs(of members: [PackIndex.Member], comingWhole: Bool = false) -> [RemoteSpan] {
        var runs: [RemoteSpan] = []
        for member in members {
            let bytes = member.bytes
            if let last = runs.last, last.file == member.pack, bytes.lowerBound >= last.bytes.upperBound,
                comingWhole || bytes.lowerBound - last.bytes.upperBound <= RegistryPull.bridged
            {
                runs[runs.count - 1] = RemoteSpan(
                    file: member.pack, bytes: last.bytes.lowerBound..<bytes.upperBound, isIndivisible: comingWhole)
            } else {
                runs.append(RemoteSpan(file: member.pack, bytes: bytes, isIndivisible: comingWhole))
            }
        }
        return runs
    }
}
