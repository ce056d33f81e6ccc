internal import Model
internal import Platform
internal import Synchronization

/// A storage whose answers take time, and sometimes do not come. Facts and small values are remembered: while the storage does not
/// answer, readers get what it said last. Nothing is written then.
final class DistantValues: Sendable {
    /// Of any storage.
    struct Version: Equatable, Sendable {
        let value: any (Equatable & Sendable)

        static func == (left: Version, right: Version) -> Bool {
            func isSame<Value: Equatable>(_ value: Value) -> Bool { value == right.value as? Value }
            return isSame(left.value)
        }
    }

    typealias Entry = StorageEntry<Version>

    let known = BoundedCache<Question, Known>(room: 64 << 20) { $0.memory.cost }
    private let failure = Mutex<(error: CakeError, time: ContinuousClock.Instant)?>(nil)
    let lately = LatelyBuried()
    /// What the storage's clock said, and when.
    let clock = Mutex<(time: Int, at: ContinuousClock.Instant)?>(nil)
    let timing: StorageTiming
    // The storage as it is at this moment: nothing of this is remembered.
    let lookNow: @Sendable (String) async throws(CakeError) -> Entry?
    let readNow: @Sendable (String) async throws(CakeError) -> (entry: Entry, body: StorageBody)?
    let namesNow: @Sendable (String) async throws(CakeError) -> [String]
    let putNow: @Sendable (StorageBody, String, StorageCondition<Version>) async throws(CakeError) -> Bool
    let removeNow: @Sendable (String, Version?) async throws(CakeError) -> Bool
    let removeOnceNow: @Sendable (String, Version) async throws(CakeError) -> Bool
    let markNow: @Sendable ([String]) async throws(CakeError) -> Void
    private let linkNow: @Sendable (String, Int) async throws(CakeError) -> String?
    let dropNow: @Sendable (Int) async throws(CakeError) -> Int

    /// What was seen so recently is still there. Another server's removal counts after this time.
    static let life = Duration.seconds(2)
    /// So long after a failure nothing is asked that is remembered.
    private static let pause = Duration.seconds(2)
    private static let patience = Duration.seconds(10)

    init<Storage: KeyedStorage>(_ storage: Storage, _ timing: StorageTiming = StorageTiming()) {
        self.timing = timing
        @Sendable func entry(_ entry: StorageEntry<Storage.Version>) -> Entry {
            Entry(size: entry.size, time: entry.time, version: Version(value: entry.version))
        }
        lookNow = { key throws(CakeError) in try await storage.look(at: key).map(entry) }
        readNow = { key throws(CakeError) in try await storage.read(key).map { (entry($0.entry), $0.body) } }
        namesNow = { folder throws(CakeError) in try await storage.names(in: folder) }
        putNow = { body, key, condition throws(CakeError) in
            switch condition {
            case .always: return try await storage.put(body, at: key, if: .always)
            case .absent: return try await storage.put(body, at: key, if: .absent)
            case .unchanged(let version):
                guard let version = version.value as? Storage.Version else { return false }
                return try await storage.put(body, at: key, if: .unchanged(version))
            }
        }
        removeNow = { key, version throws(CakeError) in
            guard let version else { return try await storage.remove(key, ifUnchanged: nil) }
            guard let version = version.value as? Storage.Version else { return false }
            return try await storage.remove(key, ifUnchanged: version)
        }
        removeOnceNow = { key, version throws(CakeError) in
            guard let version = version.value as? Storage.Version else { return false }
            return try await storage.removeOnce(key, ifUnchanged: version)
        }
        markNow = { keys throws(CakeError) in try await storage.mark(keys) }
        linkNow = { key, seconds throws(CakeError) in try await storage.link(to: key, seconds: seconds) }
        dropNow = { seconds throws(CakeError) in try await storage.dropUnfinished(olderThan: seconds) }
    }

    /// Again: as it is now, or a failure.
    func look(at key: String, isAgain: Bool = false) throws(CakeError) -> Entry? {
        if case .entry(let entry) = try ask(.entry(key), isAgain: isAgain) { return entry }
        return nil
    }

    func bytes(at key: String, limit: Int, isAgain: Bool = false) throws(CakeError) -> [UInt8]? {
        if case .bytes(let found) = try ask(.bytes(key), limit: limit, isAgain: isAgain) { return found?.bytes }
        return nil
    }

    /// The storage's own answer, for one that may suspend.
    func answer(_ question: Question, limit: Int) async throws(CakeError) -> Memory {
        switch question {
        case .entry(let key): return .entry(try await lookNow(key))
        case .names(let folder): return .names(try await namesNow(folder))
        case .bytes(let key):
            return .bytes(try await valueNow(key, limit: limit).map { Value(bytes: $0.bytes, time: $0.entry.time) })
        }
    }

    /// Looks at many keys as they are now, several at a time.
    func lookAgain(at keys: [String]) throws(CakeError) {
        let found = try attempt { [lookNow] () throws(CakeError) in
            try await DistantValues.each(keys) { key throws(CakeError) in try await lookNow(key) }
        }
        for (key, entry) in zip(keys, found) { known[.entry(key)] = Known(memory: .entry(entry), time: .now) }
    }

    func names(in folder: String) throws(CakeError) -> [String] {
        if case .names(let names) = try ask(.names(folder)) { return names }
        return []
    }

    func put(_ body: StorageBody, at key: String, if condition: StorageCondition<Version>) throws(CakeError) -> Bool {
        defer { forget(key) }
        return try attempt { [putNow] () throws(CakeError) in try await putNow(body, key, condition) }
    }

    func remove(_ key: String, ifUnchanged version: Version?) throws(CakeError) -> Bool {
        defer { forget(key) }
        return try attempt { [removeNow] () throws(CakeError) in try await removeNow(key, version) }
    }

    func mark(_ keys: [String]) throws(CakeError) {
        defer { for key in keys { forget(key) } }
        try attempt { [markNow] () throws(CakeError) in try await markNow(keys) }
    }

    /// The body of a value, for a caller that may suspend.
    func body(at key: String) async throws(CakeError) -> StorageBody? { try await readNow(key)?.body }

    /// Appends a value to a file. Nil if it is not there, else its size.
    func copy(_ key: String, to spool: Spool) throws(CakeError) -> UInt64? {
        try waiting { [readNow] () async throws(CakeError) -> UInt64? in
            guard let body = try await readNow(key)?.body else { return nil }
            var place: UInt64 = 0
            while place < body.size {
                let end = min(body.size, place + DistantValues.step)
                let bytes = try await body.bytes(place..<end)
                spool.append(bytes.span)
                place = end
            }
            return body.size
        }
    }

    private static let step: UInt64 = 8 << 20

    /// An address that leads a client to the value itself; nil if the storage gives none.
    func link(to key: String, seconds: Int) throws(CakeError) -> String? {
        try waiting { [linkNow] () throws(CakeError) in try await linkNow(key, seconds) }
    }

    func dropUnfinished(olderThan seconds: Int) throws(CakeError) -> Int {
        try attempt { [dropNow] () throws(CakeError) in try await dropNow(seconds) }
    }

    /// Whether the last question was answered.
    var answers: Bool { failure.withLock { $0 == nil } }

    private func forget(_ key: String) {
        known[.entry(key)] = nil
        known[.bytes(key)] = nil
        if let slash = key.lastIndex(of: "/") { known[.names(String(key[..<slash]))] = nil }
    }

    /// What was said of it a moment ago, if that holds.
    func fresh(_ question: Question) -> Memory? {
        guard let last = known[question], last.memory.isThere, question.isLasting,
            .now - last.time < DistantValues.life
        else { return nil }
        return last.memory
    }

    private func ask(_ question: Question, limit: Int = 0, isAgain: Bool = false) throws(CakeError) -> Memory {
        if !isAgain, let fresh = fresh(question) { return fresh }
        let last = isAgain ? nil : known[question]
        do throws(CakeError) {
            let memory = try attempt { () throws(CakeError) in
                try await DistantValues.limited { () throws(CakeError) in try await self.answer(question, limit: limit)
                }
            }
            known[question] = Known(memory: memory, time: .now)
            return memory
        } catch {
            guard error.isOfNetwork, let last else { throw error }
            return last.memory
        }
    }

    /// After a failure one caller in a while tries again; the others get the same failure at once.
    func attempt<Value: Sendable>(
        _ body: @escaping @Sendable () async throws(CakeError) -> Value
    ) throws(CakeError) -> Value {
        let known = failure.withLock { failure -> CakeError? in
            guard let last = failure else { return nil }
            if .now - last.time < DistantValues.pause { return last.error }
            failure = (last.error, .now)
            return nil
        }
        if let known { throw known }
        do throws(CakeError) {
            let value = try waiting(for: body)
            failure.withLock { $0 = nil }
            return value
        } catch {
            if error.isOfNetwork { failure.withLock { $0 = (error, .now) } }
            throw error
        }
    }

    static func limited(
        _ body: @escaping @Sendable () async throws(CakeError) -> Memory
    ) async throws(CakeError) -> Memory {
        do {
            return try await within(patience, orElse: CakeError(.network, "the storage does not answer")) {
                try await body()
            }
        } catch let error as CakeError {
            throw error
        } catch { throw CakeError(.network, "the storage was not waited for") }
    }
}

extension CakeError {
    /// The storage was not reached, or not in time.
    var isOfNetwork: Bool { kind == .network || kind == .offline }
}
