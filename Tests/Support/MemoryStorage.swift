public import Model
internal import Platform
public import Storage

/// A storage that is no file system: it shows that the interface needs none, and that a passing test asks nothing of a
/// folder that only files have. It can be cut off, as by a network.
public actor MemoryStorage: KeyedStorage {
    private struct Value {
        let bytes: [UInt8]
        let entry: StorageEntry<Int>
    }

    private var values: [String: Value] = [:]
    private var last = 0
    /// Its clock stands, unless a test lets time pass.
    private var time = Machine.now
    private var isCutOff = false
    private var givesLinks = false
    private var losses: [(key: String, word: String)] = []
    /// How often values were read, by their keys.
    public private(set) var reads: [String: Int] = [:]
    /// Everything that was asked and done, by its keys.
    public private(set) var questions: [String] = []
    private var gathering: (count: Int, beginnings: [String])?
    private var gathered: [Int: CheckedContinuation<Bool, Never>] = [:]
    /// How often so many were gathered.
    public private(set) var rounds = 0

    public init() {}

    /// From now on every request fails, or none.
    public func cut(_ isCutOff: Bool) { self.isCutOff = isCutOff }

    public func pass(_ seconds: Int) { time += seconds }

    public func giveLinks() { givesLinks = true }

    /// Removes a value once, as soon as another is put whose key has this in it.
    public func lose(_ key: String, whenPut word: String) { losses.append((key, word)) }

    /// Changes the bytes of a value.
    public func spoil(_ key: String) {
        guard var bytes = values[key]?.bytes, !bytes.isEmpty else { return }
        bytes[bytes.count / 2] ^= 1
        set(key, bytes)
    }

    public func keys(in folder: String) -> [String] { values.keys.filter { $0.hasPrefix(folder + "/") }.sorted() }

    public func forgetQuestions() { (questions, rounds) = ([], 0) }

    /// From now on questions about keys that begin so are answered when so many wait. Who asks one after another gets no answer.
    public func gather(_ count: Int, _ beginnings: String...) { gathering = (count, beginnings) }

    private func ask(_ key: String) async throws(CakeError) {
        try check()
        questions.append(key)
        guard let gathering, gathering.beginnings.contains(where: key.hasPrefix) else { return }
        let number = questions.count
        let isAnswered = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled { return continuation.resume(returning: false) }
                gathered[number] = continuation
                guard gathered.count == gathering.count else { return }
                rounds += 1
                for one in gathered.values { one.resume(returning: true) }
                gathered = [:]
            }
        } onCancel: {
            Task { await self.giveUp(number) }
        }
        if !isAnswered { throw CakeError(.failed, "\(key) was asked alone") }
    }

    private func giveUp(_ number: Int) { gathered.removeValue(forKey: number)?.resume(returning: false) }

    private func check() throws(CakeError) {
        if isCutOff { throw CakeError(.network, "the storage cannot be reached") }
    }

    public func look(at key: String) async throws(CakeError) -> StorageEntry<Int>? {
        try await ask(key)
        return values[key]?.entry
    }

    public func read(_ key: String) async throws(CakeError) -> (entry: StorageEntry<Int>, body: StorageBody)? {
        try await ask(key)
        reads[key, default: 0] += 1
        return values[key].map { ($0.entry, StorageBody($0.bytes)) }
    }

    public func names(in folder: String) async throws(CakeError) -> [String] {
        try await ask(folder)
        let start = folder.isEmpty ? "" : folder + "/"
        let behind = values.keys.filter { $0.hasPrefix(start) }.map { $0.dropFirst(start.utf8.count) }
        return Set(behind.map { String($0.prefix { $0 != "/" }) }).sorted()
    }

    public func put(
        _ body: StorageBody, at key: String, if condition: StorageCondition<Int>
    ) async throws(CakeError) -> Bool {
        let bytes = try await body.bytes(0..<body.size)
        try check()
        questions.append(key)
        guard condition.allows(values[key]?.entry.version) else { return false }
        set(key, bytes)
        for loss in losses where key.contains(loss.word) { values[loss.key] = nil }
        losses.removeAll { key.contains($0.word) }
        return true
    }

    public func remove(_ key: String, ifUnchanged version: Int?) throws(CakeError) -> Bool {
        try check()
        questions.append(key)
        guard let value = values[key], version == nil || value.entry.version == version else { return false }
        values[key] = nil
        return true
    }

    public func mark(_ keys: [String]) throws(CakeError) {
        try check()
        questions += keys
        for key in keys { set(key, []) }
    }

    public func link(to key: String, seconds: Int) throws(CakeError) -> String? {
        givesLinks ? "http://storage.example/\(key)?for=\(seconds)" : nil
    }

    private func set(_ key: String, _ bytes: [UInt8]) {
        last += 1
        values[key] = Value(bytes: bytes, entry: StorageEntry(size: UInt64(bytes.count), time: time, version: last))
    }
}
