public import Model
public import Network
internal import Platform
public import Remote
internal import Store
internal import Synchronization
internal import Transfer

/// A registry as the upstream of a mirror: a name there is a repository of a Hub, and a tag its revision. Requests use
/// the server's own login.
public final class RegistryUpstream: Sendable, CustomStringConvertible {
    private struct Key: Hashable {
        let repository: HubRepository
        let commit: String
    }

    private let client: RegistryClient
    /// Precedes every name.
    private let prefix: RepositoryName?
    /// The digests of commits in the registry.
    private let artifacts = BoundedCache<Key, BlobName>(room: 10_000)
    private let read = BoundedCache<Key, RemoteArtifact>(room: 4)

    private static let mostTags = 100
    private static let mostConnections = 8
    /// A waiting client does not wait for much more than this.
    private static let publishStep: UInt64 = 32 << 20

    public init(
        _ routes: RegistryRoutes, under prefix: RepositoryName?, as credentials: RegistryCredentials,
        _ http: HTTPSettings
    ) throws(CakeError) {
        // Clients of this server retry by themselves.
        var retry = Retry()
        retry.tries = 2
        client = RegistryClient(routes, as: credentials, client: try HTTPClient(http), retry: retry)
        self.prefix = prefix
    }

    public var description: String {
        (isEncryptedHere ? "oci+https://" : "oci://")
            + ([client.routes.host] + (prefix.map { [$0.text] } ?? [])).joined(separator: "/")
    }

    private var isEncryptedHere: Bool {
        client.routes.origin.host.reach == .machine && client.routes.origin.scheme == .https
    }

    /// The problem with it, for starting a server. Nothing depends on it.
    public func complaint() async -> CakeError? {
        do {
            try await client.check()
            return nil
        } catch let error as CakeError {
            return error.kind == .network ? error : nil
        } catch { return nil }
    }

    /// The place of a repository there, and the tags that may be its revision.
    private func place(
        of repository: HubRepository, _ revision: String = Revision.main
    ) -> (repository: RemoteRepository, tags: [TagName])? {
        let id = repository.kind == .model ? repository.id : "\(repository.kind.plural)/\(repository.id)"
        guard let served = (try? ModelName(id)).flatMap({ ServedName($0) }),
            let name = RepositoryName((prefix.map { $0.text + "/" } ?? "") + served.repository.text)
        else { return nil }
        let words = revision == Revision.main ? [served.tag.text, revision] : [revision]
        return (RemoteRepository(client, name), words.compactMap { ServedName.tag(for: $0) })
    }

    /// As the record of a model that came from it says.
    func source(of repository: HubRepository) -> String? {
        place(of: repository).map { "oci://\(client.routes.host)/\($0.repository.name)" }
    }

    /// The model under a tag of the registry, as a Hub would list it: commits are made from the model's manifest, and
    /// every file is named by its SHA-256.
    func listing(
        of repository: HubRepository, _ revision: String, knowing known: HubListing?
    ) async throws -> HubListing {
        guard let (remote, tags) = place(of: repository, revision) else { throw HubRefusal.noRepository }
        if Revision.isCommit(revision) { return try await listing(of: repository, commit: revision, in: remote) }
        let before = known.flatMap { artifacts[Key(repository: repository, commit: $0.commit)] }
        for tag in tags {
            guard let name = try await RegistryUpstream.said({ try await remote.manifest(.tag(tag)).name }) else {
                continue
            }
            if let known, before == name { return known }
            return try await listing(of: repository, revision, name, in: remote)
        }
        let others = try await RegistryUpstream.said { try await remote.tags() } ?? []
        throw others.isEmpty || revision == Revision.main ? HubRefusal.noRepository : HubRefusal.noRevision
    }

    /// A registry has no commits: a commit that was listed before is requested by its digest, for others all tags are
    /// searched.
    private func listing(
        of repository: HubRepository, commit: String, in remote: RemoteRepository
    ) async throws -> HubListing {
        if let name = artifacts[Key(repository: repository, commit: commit)] {
            return try await listing(of: repository, commit, name, in: remote)
        }
        for tag in try await RegistryUpstream.said({ try await remote.tags() })?.prefix(RegistryUpstream.mostTags) ?? []
        where try await self.commit(of: tag, in: remote) == commit {
            guard let name = try await RegistryUpstream.said({ try await remote.manifest(.tag(tag)).name }) else {
                break
            }
            return try await listing(of: repository, commit, name, in: remote)
        }
        throw HubRefusal.noRevision
    }

    private func listing(
        of repository: HubRepository, _ revision: String, _ name: BlobName, in remote: RemoteRepository
    ) async throws -> HubListing {
        guard let artifact = try await RegistryUpstream.said({ try await RemoteArtifact(.digest(name), in: remote) })
        else { throw HubRefusal.noRepository }
        return try listing(of: repository, revision, artifact)
    }

    private func commit(of tag: TagName, in remote: RemoteRepository) async throws -> String? {
        try await RegistryUpstream.said {
            let kept = try await remote.manifest(.tag(tag))
            return RegistryUpstream.commit(of: try ModelArtifact(RegistryManifest(parsing: kept.bytes.span)))
        }
    }

    private func listing(
        of repository: HubRepository, _ revision: String, _ remote: RemoteArtifact
    ) throws -> HubListing {
        let commit = RegistryUpstream.commit(of: remote.artifact)
        let files = remote.model.files.map {
            SnapshotFile(path: $0.path, size: $0.size, isLarge: true, sha256: $0.digest)
        }
        var words = JSONObject([
            .init(key: "_id", value: .string(String(commit.prefix(24)))),
            .init(key: "id", value: .string(repository.id)),
            .init(key: "sha", value: .string(commit)),
        ])
        if repository.kind == .model { words.append("modelId", .string(repository.id)) }
        if let author = repository.id.split(separator: "/").first, repository.id.contains("/") {
            words.append("author", .string(String(author)))
        }
        for key in ["private", "gated", "disabled"] { words.append(key, false) }
        for key in ["downloads", "likes"] { words.append(key, 0) }
        words.append("tags", .array([]))
        do {
            let info = try HubInfo(parsing: JSONValue.object(words).bytes(.compact).span)
            let snapshot = try Snapshot(repository: repository, revision: revision, commit: commit, files: files)
            keep(remote, Key(repository: repository, commit: commit))
            return HubListing(revision: revision, info: info, words: words, snapshot: snapshot, isHidden: false)
        } catch { throw HubRefusal.noRepository }
    }

    private static func commit(of artifact: ModelArtifact) -> String { String(artifact.manifest.name.hex.prefix(40)) }

    private func keep(_ artifact: RemoteArtifact, _ key: Key) {
        artifacts[key] = artifact.digest
        read[key] = artifact
    }

    /// Nil for a model that this server cannot have: missing, not allowed, or not cake's.
    private static func said<Value>(_ ask: () async throws -> Value) async throws -> Value? {
        do {
            return try await ask()
        } catch let error as CakeError {
            switch error.kind {
            case .notFound, .notAuthorised, .damaged: return nil
            default:
                guard RegistryClient.isOfEncryption(error) else {
                    throw HubRefusal.upstream(502, "The upstream registry does not answer")
                }
                throw HubRefusal.upstream(
                    502, "The upstream registry seems to use TLS: write oci+https:// before its host in --upstream")
            }
        }
    }

    /// Its tags as a Hub lists them, each with the commit that it means now.
    func document(_ subject: Mirror.Subject, of listing: HubListing) async throws -> JSONValue {
        guard case .revisions = subject else {
            return [["id": .string(listing.commit), "title": "As it is upstream", "message": "", "authors": []]]
        }
        guard let (remote, mains) = place(of: listing.repository) else { throw HubRefusal.noRepository }
        var (branches, tags) = ([JSONValue](), [JSONValue]())
        for tag in try await RegistryUpstream.said({ try await remote.tags() })?.prefix(RegistryUpstream.mostTags) ?? []
        {
            guard let commit = try await commit(of: tag, in: remote) else { continue }
            func reference(_ name: String, _ kind: String) -> JSONValue {
                ["name": .string(name), "ref": .string("refs/\(kind)/\(name)"), "targetCommit": .string(commit)]
            }
            tags.append(reference(tag.text, "tags"))
            if tag.text == mains.first?.text || branches.isEmpty && mains.contains(tag) {
                branches = [reference(Revision.main, "heads")]
            }
        }
        return ["branches": .array(branches), "converts": [], "tags": .array(tags), "pullRequests": []]
    }

    /// Downloads files as a pull from the registry does, and keeps them under the name. Readers get each layer when it
    /// is here.
    func bring(
        _ files: [(path: FilePath, arriving: ArrivingFile)], of listing: HubListing, as name: ModelName,
        into store: LocalStore
    ) async throws -> RegistryPull.Brought {
        let key = Key(repository: listing.repository, commit: listing.commit)
        let remote: RemoteArtifact
        if let known = read[key] {
            remote = known
        } else {
            guard let artifact = artifacts[key], let (place, _) = place(of: listing.repository) else {
                throw HubRefusal.noRevision
            }
            remote = try await RemoteArtifact(.digest(artifact), in: place)
            keep(remote, key)
        }
        var options = RegistryPull.Options()
        options.mostConnections = RegistryUpstream.mostConnections
        options.publishStep = RegistryUpstream.publishStep
        // It never pushes, and downloads often.
        options.remembers = false
        let pull = RegistryPull(of: remote, into: store, progress: Progress("mirroring"), options: options)
        let coming = Mutex(
            files.compactMap { file in
                remote.model.file(at: file.path.string).map { (file.arriving, ArrivingLayers($0)) }
            })
        let brought = try await pull(
            Set(files.map(\.path)), of: listing, as: name, from: "oci://\(client.routes.host)/\(remote.repository.name)"
        ) { published in
            let now = coming.withLock { coming in
                for index in coming.indices { coming[index].1.here.formUnion(published) }
                return coming
            }
            for (arriving, layers) in now { arriving.hears(.layers(layers)) }
        }
        for (arriving, layers) in coming.withLock({ $0 }) {
            arriving.hears(.stored(layers.file, manifest: brought.manifest))
        }
        return brought
    }
}
