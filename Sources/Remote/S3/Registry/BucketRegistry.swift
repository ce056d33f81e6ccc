internal import Model
internal import Synchronization

/// A registry's data in a bucket, read and written without a server.
final class BucketRegistry: Sendable {
    private let client: S3Client
    private let bucket: String
    private let state = Mutex(State())

    private struct State {
        var roots: [String: S3Values] = [:]
        var repositories: [RepositoryName: BucketRepository] = [:]
    }

    init(_ bucket: String, _ client: S3Client) { (self.bucket, self.client) = (bucket, client) }

    /// What was typed after the bucket is a prefix and a repository: the data of a registry say where the prefix ends. Where
    /// there are none yet, the repository is the last word. One registry's data may lie below another's: then the repository
    /// that is there is meant, and in the longer prefix a new one.
    func repository(_ typed: RepositoryName) async throws -> BucketRepository {
        if let known = state.withLock({ $0.repositories[typed] }) { return known }
        let words = typed.text.split(separator: "/")
        let places = try words.indices.reversed().compactMap { count throws -> BucketRepository? in
            guard let name = RepositoryName(words[count...].joined(separator: "/")) else { return nil }
            return BucketRepository(try root(words[..<count].joined(separator: "/")), name)
        }
        var found: [BucketRepository] = []
        for place in places where try await place.values.bucket.hasValues(below: BucketRepository.repositories) {
            found.append(place)
        }
        var meant = found.first ?? places.first
        if found.count > 1 {
            for place in found where try await place.isThere() {
                meant = place
                break
            }
        }
        guard let meant else { throw CakeError(.usage, "\(typed) is not the name of a repository in a bucket") }
        state.withLock { $0.repositories[typed] = meant }
        return meant
    }

    /// The repositories of the registry whose data begin at a prefix, as they are typed after it. If there are none,
    /// `deeper` has the words with which longer prefixes go on.
    func repositories(below prefix: String) async throws -> (names: [String], deeper: [String]) {
        let values = try root(prefix)
        let names = try await values.names(in: String(BucketRepository.repositories.dropLast()))
            .compactMap { RepositoryName(fileName: $0)?.text }
        return (names.sorted(), names.isEmpty ? try await values.names(in: "") : [])
    }

    /// What the engine can do is tried once for each.
    private func root(_ prefix: String) throws -> S3Values {
        if let known = state.withLock({ $0.roots[prefix] }) { return known }
        let place = try S3Place(S3Place.scheme + bucket + (prefix.isEmpty ? "" : "/\(prefix)"))
        let values = S3Values(S3Bucket(place, client))
        return state.withLock { state in
            if let known = state.roots[prefix] { return known }
            state.roots[prefix] = values
            return values
        }
    }
}
