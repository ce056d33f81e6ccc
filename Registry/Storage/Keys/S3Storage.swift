public import Model
internal import Platform
public import Remote

/// A registry's values in object storage. Any number of servers may have the same bucket open.
public struct S3Storage: KeyedStorage {
    /// An ETag.
    public struct Version: Equatable, Sendable {
        let etag: String
    }

    let values: S3Values

    public init(_ bucket: S3Bucket) { self.init(S3Values(bucket)) }

    init(_ values: S3Values) { self.values = values }

    /// Checks that the bucket is there, and that the engine heeds the conditions of writes.
    public func check() async throws(CakeError) {
        try await S3Storage.naming {
            try await values.bucket.check()
            _ = try await values.abilities()
        }
    }

    /// An address under which anyone may read a value for so many seconds, five minutes at most; nil without
    /// credentials. It belongs into no log.
    public func link(to key: String, seconds: Int) async throws(CakeError) -> String? {
        try await S3Storage.naming { try await values.bucket.link(to: key, seconds: seconds) }
    }

    public func look(at key: String) async throws(CakeError) -> StorageEntry<Version>? {
        try await S3Storage.naming { try await values.look(at: key).map(S3Storage.entry) }
    }

    public func read(_ key: String) async throws(CakeError) -> (entry: StorageEntry<Version>, body: StorageBody)? {
        try await S3Storage.naming {
            guard let (found, beginning) = try await values.open(key) else { return nil }
            let body = StorageBody(values.bucket.value(key, found), size: found.size, beginning: beginning)
            return (S3Storage.entry(found), body)
        }
    }

    private static func entry(_ found: S3Bucket.Entry) -> StorageEntry<Version> {
        StorageEntry(size: found.size, time: found.time, version: Version(etag: found.etag))
    }

    public func names(in folder: String) async throws(CakeError) -> [String] {
        try await S3Storage.naming { try await values.names(in: folder) }
    }

    public func put(
        _ body: StorageBody, at key: String, if condition: StorageCondition<Version>
    ) async throws(CakeError) -> Bool {
        let heeded: S3Condition =
            switch condition {
            case .always: .always
            case .absent: .absent
            case .unchanged(let version): .unchanged(version.etag)
            }
        return try await S3Storage.naming { try await values.put(body.sent, at: key, if: heeded) }
    }

    public func remove(_ key: String, ifUnchanged version: Version?) async throws(CakeError) -> Bool {
        try await S3Storage.naming { try await values.remove(key, ifUnchanged: version?.etag) }
    }

    public func removeOnce(_ key: String, ifUnchanged version: Version) async throws(CakeError) -> Bool {
        try await S3Storage.naming { try await values.removeOnce(key, ifUnchanged: version.etag) }
    }

    public func mark(_ keys: [String]) async throws(CakeError) {
        try await S3Storage.naming { try await values.mark(keys) }
    }

    public func dropUnfinished(olderThan seconds: Int) async throws(CakeError) -> Int {
        try await S3Storage.naming { try await values.bucket.dropUnfinished(olderThan: seconds) }
    }

    /// Errors of a client as errors of a storage.
    static func naming<Result>(_ work: () async throws -> Result) async throws(CakeError) -> Result {
        do {
            return try await work()
        } catch let error as CakeError {
            throw error
        } catch let failure as TransientFailure {
            throw failure.error
        } catch { throw CakeError(.failed, "the request was cancelled") }
    }
}

extension StorageBody {
    /// For sending.
    fileprivate var sent: S3Body {
        if case .memory(let bytes) = place { return S3Body(bytes) }
        return S3Body(size: size) { range, sink in
            try await S3Body.inChunks(range, sink) { try await fill($1, with: $0) }
        }
    }
}
