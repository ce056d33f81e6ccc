internal import Model
internal import Platform
internal import Synchronization

/// The values below a prefix of a bucket, for any number of writers: all that they need of each other is in the conditions
/// of their writes. docs/decisions/0013 says how.
package struct S3Values: Sendable {
    package let bucket: S3Bucket
    private let proved = Proved()
    /// Larger values go in parts.
    let largestRequest: UInt64

    /// The tried abilities of the engine.
    private final class Proved: Sendable {
        let abilities = Mutex<S3Abilities?>(nil)
    }

    package init(_ bucket: S3Bucket, largestRequest: UInt64 = 64 << 20) {
        (self.bucket, self.largestRequest) = (bucket, largestRequest)
    }

    /// What the engine does with conditions. It is tried before the first write, once for each process.
    package func abilities() async throws -> S3Abilities {
        if let known = proved.abilities.withLock({ $0 }) { return known }
        let found = try await bucket.abilities()
        proved.abilities.withLock { $0 = found }
        return found
    }

    package func look(at key: String) async throws -> S3Bucket.Entry? {
        try await bucket.look(at: key).flatMap(S3Values.seen)
    }

    /// A value and its first bytes, or all of a small one.
    package func open(_ key: String) async throws -> (entry: S3Bucket.Entry, beginning: [UInt8])? {
        guard let (found, beginning) = try await bucket.open(key), let entry = S3Values.seen(found) else { return nil }
        return (entry, entry.isMark ? [] : beginning)
    }

    /// A small value, whole.
    package func bytes(at key: String, limit: Int) async throws -> [UInt8]? {
        guard let (entry, beginning) = try await open(key) else { return nil }
        guard entry.size <= UInt64(limit) else {
            throw CakeError(.damaged, "\(bucket)/\(key) has \(entry.size) bytes; the limit is \(limit)")
        }
        if UInt64(beginning.count) == entry.size { return beginning }
        return try await bucket.value(key, entry).bytes(0..<entry.size)
    }

    /// Nil for the remains of a removal. A mark is empty.
    private static func seen(_ found: S3Bucket.Entry) -> S3Bucket.Entry? {
        var entry = found
        if entry.isMark { entry.size = 0 }
        return entry.isRemoved ? nil : entry
    }

    /// The next words of keys below a folder, sorted.
    package func names(in folder: String) async throws -> [String] {
        let start = folder.isEmpty ? "" : folder + "/"
        var (names, doubted): (Set<String>, [String]) = ([], [])
        try await bucket.list(start, delimiter: "/") { page in
            for entry in page.entries {
                let name = entry.key.dropFirst(start.count)
                // Some tools make empty values with the name of a folder.
                guard !name.isEmpty, !name.contains("/") else { continue }
                if entry.size == S3Values.removedSize { doubted.append(entry.key) } else { names.insert(String(name)) }
            }
            for found in page.folders {
                let name = found.dropFirst(start.count).prefix { $0 != "/" }
                if !name.isEmpty { names.insert(String(name)) }
            }
        }
        // A listing does not say what a value stands for.
        for key in doubted {
            guard let there = try await bucket.look(at: key) else { continue }
            if there.isRemoved {
                if there.isLeft { _ = try? await finish(there, key) }
            } else {
                names.insert(String(key.dropFirst(start.count)))
            }
        }
        return names.sorted()
    }
}
