import Model
import Storage

/// A storage that is no file system: it shows that the interface needs none, and that a passing test asks nothing of a
/// folder that only files have.
actor MemoryStorage: KeyedStorage {
    private struct Value {
        let bytes: [UInt8]
        let entry: StorageEntry<Int>
    }

    private var values: [String: Value] = [:]
    private var last = 0

    func look(at key: String) -> StorageEntry<Int>? { values[key]?.entry }

    func read(_ key: String) -> (entry: StorageEntry<Int>, body: StorageBody)? {
        values[key].map { ($0.entry, StorageBody($0.bytes)) }
    }

    func names(in folder: String) -> [String] {
        let behind = values.keys.filter { $0.hasPrefix(folder + "/") }.map { $0.dropFirst(folder.utf8.count + 1) }
        return Set(behind.map { String($0.prefix { $0 != "/" }) }).sorted()
    }

    func put(_ body: StorageBody, at key: String, if condition: StorageCondition<Int>) async throws(CakeError) -> Bool {
        let bytes = try await body.bytes(0..<body.size)
        guard condition.allows(values[key]?.entry.version) else { return false }
        set(key, bytes)
        return true
    }

    func remove(_ key: String, ifUnchanged version: Int?) -> Bool {
        guard let value = values[key], version == nil || value.entry.version == version else { return false }
        values[key] = nil
        return true
    }

    func mark(_ keys: [String]) { for key in keys { set(key, []) } }

    private func set(_ key: String, _ bytes: [UInt8]) {
        last += 1
        values[key] = Value(bytes: bytes, entry: StorageEntry(size: UInt64(bytes.count), time: last, version: last))
    }
}
