public import Model

/// Values under keys, as object storage with conditional writes has them, too: nothing here renames, locks or names a
/// file. A key is words between slashes. A read sees every write that ended before it began. docs/decisions/0013 says
/// why it needs these operations.
public protocol KeyedStorage: Sendable {
    /// Differs after every write that gave a key other bytes. An ETag, for one.
    associatedtype Version: Equatable, Sendable

    /// The entry under a key, without its bytes; nil if there is none.
    func look(at key: String) async throws(CakeError) -> StorageEntry<Version>?

    /// The same with its bytes. If the key is written or removed meanwhile, reading continues or fails: bytes of a
    /// later write never come.
    func read(_ key: String) async throws(CakeError) -> (entry: StorageEntry<Version>, body: StorageBody)?

    /// The words that follow a folder and a slash in keys, each once; empty if no key begins so.
    func names(in folder: String) async throws(CakeError) -> [String]

    /// Puts a value under a key. When this ends, it survives a power cut; until then the old value is there. False, and
    /// nothing is changed, if the condition does not hold.
    func put(
        _ body: StorageBody, at key: String, if condition: StorageCondition<Version>
    ) async throws(CakeError) -> Bool

    /// Removes a value; if a version is given, only while it has that version. False if nothing is removed.
    func remove(_ key: String, ifUnchanged version: Version?) async throws(CakeError) -> Bool

    /// The same with a request that is sent once. If its answer is lost, this fails, and the value may go later.
    func removeOnce(_ key: String, ifUnchanged version: Version) async throws(CakeError) -> Bool

    /// Puts an empty value of this moment under each key. For keys without other values.
    func mark(_ keys: [String]) async throws(CakeError)

    /// An address under which everyone who knows it gets the value for so many seconds, from the storage itself. Nil if it gives
    /// none. It belongs into no log.
    func link(to key: String, seconds: Int) async throws(CakeError) -> String?

    /// Drops what killed writers began to put so many seconds ago, and never completed. Returns how many values that were: none
    /// where nothing of them is left.
    func dropUnfinished(olderThan seconds: Int) async throws(CakeError) -> Int
}

extension KeyedStorage {
    public func dropUnfinished(olderThan seconds: Int) async throws(CakeError) -> Int { 0 }

    public func link(to key: String, seconds: Int) async throws(CakeError) -> String? { nil }

    public func removeOnce(_ key: String, ifUnchanged version: Version) async throws(CakeError) -> Bool {
        try await remove(key, ifUnchanged: version)
    }
}

/// Facts about a value without its bytes.
public struct StorageEntry<Version: Equatable & Sendable>: Sendable {
    public let size: UInt64
    /// When it was put there: seconds since 1970.
    public let time: Int
    public let version: Version

    public init(size: UInt64, time: Int, version: Version) {
        (self.size, self.time, self.version) = (size, time, version)
    }
}

/// The condition for putting a value.
public enum StorageCondition<Version: Equatable & Sendable>: Equatable, Sendable {
    case always
    case absent
    case unchanged(Version)

    /// Whether it holds for the present version.
    public func allows(_ version: Version?) -> Bool {
        switch self {
        case .always: true
        case .absent: version == nil
        case .unchanged(let old): version == old
        }
    }
}
