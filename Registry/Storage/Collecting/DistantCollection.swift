public import Model
internal import Platform
internal import Synchronization

/// Removes from object storage what no manifest names, while servers and other collections work there. Nothing is locked: each blob
/// gets a tombstone, which a push that needs the blob takes away. docs/decisions/0020 says why no acknowledged manifest loses a blob.
public struct DistantCollection: Sendable {
    public struct Options: Sendable {
        /// What was pushed, mounted or requested within this time stays.
        public var grace: Duration
        public var isDryRun: Bool
        /// Also when no repository is there.
        public var evenIfNothingIsNamed: Bool

        public init(grace: Duration, isDryRun: Bool = false, evenIfNothingIsNamed: Bool = false) {
            (self.grace, self.isDryRun, self.evenIfNothingIsNamed) = (grace, isDryRun, evenIfNothingIsNamed)
        }
    }

    /// How far a collection is.
    public enum Step: Sendable, Equatable {
        case reading
        /// So many seconds more, until no request that began before the tombstones can be alive.
        case waiting(seconds: Int, blobs: Int)
        case removing(done: Int, of: Int)
    }

    let values: DistantValues
    let options: Options
    let tell: @Sendable (Step) -> Void
    private let lanes = Lanes()
    let keys = RegistryLayout.keys

    public init(
        in storage: some KeyedStorage, _ options: Options, _ tell: @escaping @Sendable (Step) -> Void = { _ in }
    ) {
        self.init(in: DistantValues(storage), options, tell)
    }

    init(in values: DistantValues, _ options: Options, _ tell: @escaping @Sendable (Step) -> Void = { _ in }) {
        (self.values, self.options, self.tell) = (values, options, tell)
    }

    /// With a time that tests make.
    package init(
        in storage: some KeyedStorage, _ timing: StorageTiming, _ options: Options,
        _ tell: @escaping @Sendable (Step) -> Void
    ) {
        self.init(in: DistantValues(storage, timing), options, tell)
    }

    var grace: Int { Int(options.grace.components.seconds) }

    /// Values other than blobs go only when they are this old, by the storage's clock: a push has them for minutes.
    var leftoverAge: Int { max(grace, 2 * RegistryStore.youngMark) }

    /// Killed, failed or cancelled at any place it has removed nothing that is needed, and the next goes on.
    public func callAsFunction() async throws(CakeError) -> CollectedBlobs {
        tell(.reading)
        var collected = CollectedBlobs()
        let now = try await values.clockNow()
        let survey = try await survey(now)
        let candidates = try await candidates(survey, now)
        if survey.repositories == 0, !options.evenIfNothingIsNamed, candidates.contains(where: { $0.blob != nil }) {
            throw CakeError(
                .failed, "the storage has blobs and no repository, which is what a wrong or failed listing looks like",
                fix: "look at the bucket; if it is right, use --force")
        }
        if options.isDryRun {
            for blob in candidates.compactMap(\.blob) { collected.add(blob) }
            for upload in try await abandonedUploads(since: now - uploadLife) { collected.add(upload) }
            return collected
        }
        let buried = try await bury(candidates, now, into: &collected)
        try await removeLeftovers(now, into: &collected)
        try await wait(for: buried)
        try await remove(buried, survey, into: &collected)
        return collected
    }

    /// A push is never as slow.
    var uploadLife: Int { max(grace, RegistryStore.youngMark) }

    // Repositories are read side by side, and in each what it has: together not more at once.

    func names(_ folder: String) async throws(CakeError) -> [String] {
        try await lanes.use { [values] () throws(CakeError) in try await values.namesNow(folder) }
    }

    func look(_ key: String) async throws(CakeError) -> DistantValues.Entry? {
        try await lanes.use { [values] () throws(CakeError) in try await values.lookNow(key) }
    }

    func bytes(_ key: String, _ limit: Int) async throws(CakeError) -> [UInt8]? {
        try await lanes.use { [values] () throws(CakeError) in try await values.valueNow(key, limit: limit)?.bytes }
    }

    /// A value that a listing has. One that is missing is looked at again, before it counts as removed meanwhile.
    func listed<Value: Sendable>(
        _ look: () async throws(CakeError) -> Value?
    ) async throws(CakeError) -> Value? {
        if let found = try await look() { return found }
        try await values.timing.rest(.milliseconds(200))
        return try await look()
    }
}

extension CollectedBlobs {
    mutating func add(_ blob: DistantValues.Entry) {
        blobs += 1
        bytes += blob.size
    }

    mutating func add(_ upload: DistantCollection.AbandonedUpload) {
        uploads += 1
        bytes += upload.bytes
    }
}

/// Work of which so much is done at once.
private actor Lanes {
    private var free = 16
    private var waiting = Queue<CheckedContinuation<Void, Never>>()

    private func enter() async {
        if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
    }

    private func leave() {
        if let next = waiting.popFirst() { next.resume() } else { free += 1 }
    }

    nonisolated func use<Value: Sendable>(
        _ work: @Sendable () async throws(CakeError) -> Value
    ) async throws(CakeError) -> Value {
        await enter()
        do throws(CakeError) {
            let value = try await work()
            await leave()
            return value
        } catch {
            await leave()
            throw error
        }
    }
}
