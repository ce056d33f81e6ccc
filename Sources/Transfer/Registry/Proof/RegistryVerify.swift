public import Model
internal import Platform
public import Remote
public import Store

/// Verifies a model in a registry: every member of its index is downloaded, decoded and compared with its layer's
/// digest, and every file's bytes with the file's. Nothing is kept.
public struct RegistryVerify: Sendable {
    public struct Damage: Sendable {
        public let layer: Layer
        public let why: String
        /// Files that cannot be rebuilt without it; empty for a base that is not a layer of the model.
        public let files: [FilePath]
    }

    public struct Report: Sendable {
        public internal(set) var layers = 0
        public internal(set) var files = 0
        public internal(set) var bytesFetched: UInt64 = 0
        public internal(set) var damages: [Damage] = []
        /// Files whose layers are all right, but which do not match the manifest.
        public internal(set) var wrongFiles: [FilePath] = []

        public var isWhole: Bool { damages.isEmpty && wrongFiles.isEmpty }
    }

    let remote: RemoteArtifact
    let store: LocalStore
    let progress: Progress
    let throttle: Throttle?

    /// So much comes together, where members are smaller.
    static let stepBytes: UInt64 = 16 << 20
    /// Steps that are on their way while one is read.
    private static let ahead = 4

    /// `store` lends its disk space and threads.
    public init(of remote: RemoteArtifact, in store: LocalStore, bytesPerSecond: UInt64?, progress: Progress) {
        self.remote = remote
        self.store = store
        self.progress = progress
        throttle = bytesPerSecond.map { Throttle(bytesPerSecond: $0) }
    }

    public func callAsFunction() async throws -> Report {
        let digest = SHA256.digest(of: ManifestText.encode(remote.model).span)
        guard BlobName(digest) == remote.artifact.manifest.name else {
            throw CakeError(
                .damaged, "the model's manifest \(remote.artifact.manifest.name.short) is not in cake's form",
                fix: "push the model again")
        }
        return try await withTaskExecutorPreference(store.pool) { try await readAll() }
    }

    private func readAll() async throws -> Report {
        let operation = try Operation(store)
        let steps = steps()
        progress.expect(bytes: steps.reduce(0) { $0 + $1.bytes }, items: UInt64(remote.index.members.count))
        let reading = Reading(remote, store, progress)
        try await withThrowingTaskGroup(of: (Int, Brought).self) { group in
            var (begun, ready) = (0, [Int: Brought]())
            for number in steps.indices {
                while begun < steps.count, begun <= number + RegistryVerify.ahead {
                    let next = begun
                    group.addTask(executorPreference: store.pool) { (next, try await bring(steps[next], operation)) }
                    begun += 1
                }
                while ready[number] == nil, let (done, brought) = try await group.next() { ready[done] = brought }
                guard let brought = ready.removeValue(forKey: number) else { break }
                try reading.read(steps[number], brought)
            }
        }
        return reading.finish(fetched: steps.reduce(0) { $0 + $1.bytes })
    }

    /// A member to read, and the file whose next bytes it has.
    struct Item: Sendable {
        let member: PackIndex.Member
        let file: Int?
    }

    /// Members that are downloaded together: neighbours in a pack, and the bases of deltas among them.
    struct Step: Sendable {
        var items: [Item]
        var runs: [RemoteSpan]
        var bytes: UInt64 { runs.reduce(0) { $0 + UInt64($1.bytes.count) } }
    }

    /// The files' layers in their order; after them layers without a file.
    private func steps() -> [Step] {
        var items: [Item] = []
        var seen: Set<Digest> = []
        for (number, file) in remote.model.files.enumerated() {
            for segment in file.segments {
                guard let member = remote.index[segment.layer.digest] else { continue }
                seen.insert(segment.layer.digest)
                if let base = member.base { seen.insert(base) }
                items.append(Item(member: member, file: number))
            }
        }
        for member in remote.index.members where !seen.contains(member.layer.digest) {
            items.append(Item(member: member, file: nil))
        }
        var steps: [Step] = []
        var open: [Item] = []
        var length: UInt64 = 0
        func close() {
            guard !open.isEmpty else { return }
            var needed: [Digest: PackIndex.Member] = [:]
            for item in open {
                needed[item.member.layer.digest] = item.member
                if let base = item.member.base, let other = remote.index[base] { needed[base] = other }
            }
            let members = needed.values.sorted { ($0.pack, $0.offset) < ($1.pack, $1.offset) }
            steps.append(Step(items: open, runs: RegistryPull.runs(of: members)))
            (open, length) = ([], 0)
        }
        for item in items {
            let own = item.member.length + (item.member.base.flatMap { remote.index[$0]?.length } ?? 0)
            if length > 0, length + own > RegistryVerify.stepBytes { close() }
            open.append(item)
            length += own
        }
        close()
        return steps
    }

    /// Windows on packs by their numbers, and the errors of failed downloads.
    struct Brought: Sendable {
        var packs: [Int: DistantPack] = [:]
        var problems: [Int: CakeError] = [:]
    }

    private func bring(_ step: Step, _ operation: Operation) async throws -> Brought {
        var brought = Brought()
        for run in step.runs where brought.problems[run.file] == nil {
            do {
                let pack: DistantPack
                if let known = brought.packs[run.file] {
                    pack = known
                } else {
                    pack = try DistantPack(
                        remote.index.packs[run.file], in: remote.repository, operation, throttle: throttle)
                    brought.packs[run.file] = pack
                }
                try await pack.bring(run.bytes)
                progress.did(bytes: UInt64(run.bytes.count))
            } catch let error as CakeError where error.isOfWhatIsThere {
                brought.problems[run.file] = error
            }
        }
        return brought
    }
}
