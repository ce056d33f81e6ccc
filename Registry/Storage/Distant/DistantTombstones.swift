internal import Model
internal import Platform
internal import Synchronization

/// How time passes for what waits for another storage. Tests pass in their own.
package struct StorageTiming: Sendable {
    package let now: @Sendable () -> ContinuousClock.Instant
    private let sleep: @Sendable (Duration) async throws -> Void

    package init(
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        (self.now, self.sleep) = (now, sleep)
    }

    func rest(_ time: Duration) async throws(CakeError) {
        do { try await sleep(time) } catch { throw CakeError(.failed, "the wait was cancelled") }
    }
}

/// Digests with tombstones, as they were listed last.
final class LatelyBuried: Sendable {
    struct State {
        var listed: Set<Digest> = []
        var until: ContinuousClock.Instant?
        /// There are so many that each is asked for by its key instead.
        var isMany = false
        var isListing = false
    }

    let state = Mutex(State())
    static let many = 2000
    static let timeOfMany = Duration.seconds(60)
}

extension DistantValues {
    /// Seconds since 1970 by the storage's clock.
    func clockNow() async throws(CakeError) -> Int {
        try await markNow([RegistryLayout.keys.clock])
        guard let now = try await lookNow(RegistryLayout.keys.clock)?.time else {
            throw CakeError(.network, "the storage lost a value that was just written")
        }
        return now
    }

    /// The same, from what was learned in the last minute.
    func recentTime() throws(CakeError) -> Int {
        let now = timing.now()
        if let known = clock.withLock({ $0 }), now - known.at < .seconds(60) {
            return known.time + Int((now - known.at).components.seconds)
        }
        let time = try attempt { [self] () throws(CakeError) in try await clockNow() }
        clock.withLock { $0 = (time, now) }
        return time
    }

    /// A small value as it is now, with its version.
    func valueNow(_ key: String, limit: Int) async throws(CakeError) -> (entry: Entry, bytes: [UInt8])? {
        guard let (entry, body) = try await readNow(key) else { return nil }
        guard body.size <= UInt64(limit) else {
            throw CakeError(.damaged, "\(Printable.escape(key)) has \(body.size) bytes; the limit is \(limit)")
        }
        return (entry, try await body.bytes(0..<body.size))
    }

    func tombstoneNow(_ blob: Digest) async throws(CakeError) -> (entry: Entry, tombstone: Tombstone)? {
        let key = Tombstone.key(of: blob)
        guard let (entry, bytes) = try await valueNow(key, limit: Tombstone.longest) else { return nil }
        return (entry, try Tombstone(parsing: bytes, at: key))
    }

    enum Saved: Sendable { case hadNone, wasSaved, isBeingRemoved }

    /// Takes away a tombstone that waits, or that a killed collection left.
    func saveNow(_ blob: Digest) async throws(CakeError) -> Saved {
        var saved = Saved.hadNone
        // The answer of a removal is not believed: another collection may have been faster.
        while let (entry, tombstone) = try await tombstoneNow(blob) {
            if tombstone.state == .deleting {
                guard tombstone.yields(atAge: try await clockNow() - entry.time) else { return .isBeingRemoved }
            }
            _ = try await removeNow(Tombstone.key(of: blob), entry.version)
            saved = .wasSaved
        }
        return saved
    }

    func save(_ blobs: [Digest]) throws(CakeError) -> [Saved] {
        try attempt { [self] () throws(CakeError) in
            try await DistantValues.each(blobs) { [self] blob throws(CakeError) in try await saveNow(blob) }
        }
    }

    /// Waits until a collection that is removing the blob has ended.
    func saveOrWait(_ blob: Digest) throws(CakeError) {
        let start = timing.now()
        while try save([blob]) == [.isBeingRemoved] {
            guard timing.now() - start < Tombstone.patience else {
                throw CakeError(
                    .locked, "a collection is removing blob \(blob.short)", fix: "try again in a minute")
            }
            try waiting { [timing] () throws(CakeError) in try await timing.rest(.milliseconds(250)) }
        }
    }

    /// Whether the blob may have a tombstone, by what was listed in the last two seconds.
    func mayHaveTombstone(_ blob: Digest) throws(CakeError) -> Bool {
        let start = timing.now()
        let known = lately.state.withLock { state -> Bool? in
            if let until = state.until, start < until { return state.isMany || state.listed.contains(blob) }
            if state.isListing { return true }
            state.isListing = true
            return nil
        }
        if let known { return known }
        defer { lately.state.withLock { $0.isListing = false } }
        let names = try attempt { [namesNow] () throws(CakeError) in try await namesNow(Tombstone.folder) }
        return lately.state.withLock { state in
            state.isMany = names.count > LatelyBuried.many
            state.listed = state.isMany ? [] : Set(names.compactMap { Digest(hex: $0) })
            state.until = start + (state.isMany ? LatelyBuried.timeOfMany : Tombstone.memory)
            return state.isMany || state.listed.contains(blob)
        }
    }
}

extension RegistryStore {
    /// To be asked before a blob that was seen is called here.
    func save(_ blob: Digest) throws(CakeError) -> DistantValues.Saved {
        guard let values = storage.distant, try values.mayHaveTombstone(blob) else { return .hadNone }
        let saved = try values.save([blob]).first ?? .hadNone
        return try storage.lookAgain(at: keys.blob(blob)) == nil ? .isBeingRemoved : saved
    }
}
