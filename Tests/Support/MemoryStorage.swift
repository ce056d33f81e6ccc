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

    private func check() throws(CakeError) {
        if isCutOff { throw CakeError(.network, "the storage cannot be reached") }
    }

    public func look(at key: String) throws(CakeError) -> StorageEntry<Int>? {
        try check()
        return values[key]?.entry
    }

    public func read(_ key: String) throws(CakeError) -> (entry: StorageEntry<Int>, body: StorageBody)? {
        try check()
        reads[key, default: 0] += 1
        return values[key].map { ($0.entry, StorageBody($0.bytes)) }
    }

    public func names(in folder: String) throws(CakeError) -> [String] {
        try check()
        let start = folder.isEmpty ? "" : folder + "/"
        let behind = values.keys.filter { $0.hasPrefix(start) }.map { $0.dropFirst(start.utf8.count) }
        return Set(behind.map { String($0.prefix { $0 != "/" }) }).sorted()
    }

    public func put(
        _ body: StorageBody, at key: String, if condition: StorageCondition<Int>
    ) async throws(CakeError) -> Bool {
        let bytes = try await body.bytes(0..<body.size)
        try check()
        guard condition.allows(values[key]?.entry.version) else { return false }
        set(key, bytes)
        for loss in losses where key.contains(loss.word) { values[loss.key] = nil }
        losses.removeAll { key.contains($0.word) }
        return true
    }

    public func remove(_ key: String, ifUnchanged version: Int?) throws(CakeError) -> Bool {
        try check()
        guard let value = values[key], version == nil || value.entry.version == version else { return false }
        values[key] = nil
        return true
    }

    public func mark(_ keys: [String]) throws(CakeError) {
        try check()
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
