public import Model
internal import Platform
internal import Synchronization

/// A model in a registry, from its manifest and index: where each of its layers is. No pack is read.
public struct RemoteArtifact: Sendable {
    public let repository: RemoteRepository
    public let kept: RemoteRepository.Kept
    public let artifact: ModelArtifact
    public let index: PackIndex
    public let model: Manifest

    /// `limit` is the largest size that may be read.
    public init(
        _ name: ManifestName, in repository: RemoteRepository, limit: Int = ManifestText.maximumSize
    ) async throws {
        try await self.init(try await repository.manifest(name), named: name, in: repository, limit: limit)
    }

    /// The same of a manifest that was read.
    init(
        _ kept: RemoteRepository.Kept, named name: ManifestName, in repository: RemoteRepository,
        limit: Int = ManifestText.maximumSize
    ) async throws {
        self.repository = repository
        self.kept = kept
        artifact = try RemoteArtifact.artifact(kept, named: name, in: repository)
        guard artifact.index.size <= UInt64(limit) else {
            throw CakeError(.damaged, "the index of packs has \(artifact.index.size) bytes, more than \(limit)")
        }
        index = try await RemoteArtifact.index(of: artifact, in: repository)
        let text = try await repository.blob(artifact.manifest, limit: limit)
        model = try ManifestText.decode(text.span)
        try artifact.check(index, model)
    }

    private static func artifact(
        _ kept: RemoteRepository.Kept, named name: ManifestName, in repository: RemoteRepository
    ) throws(CakeError) -> ModelArtifact {
        let place = "\(repository.host)/\(repository.words(name))"
        do throws(CakeError) {
            let manifest = try RegistryManifest(parsing: kept.bytes.span)
            if let shape = (try? ForeignModel.shape(of: manifest)) ?? nil {
                throw CakeError(
                    .damaged, "\(place) is a \(shape.words), and this reads only what cake push sent",
                    fix: "cake pull \(place) brings it into the store")
            }
            return try ModelArtifact(manifest)
        } catch {
            if error.fix != nil { throw error }
            throw CakeError(
                error.kind, "\(place): \(error.what)",
                fix:
                    "cake reads models that cake push sent, ModelPack, Docker models, ModelKits and images with models/; "
                    + "use another tool for this artifact")
        }
    }

    private static func index(of artifact: ModelArtifact, in repository: RemoteRepository) async throws -> PackIndex {
        let bytes = try await repository.blob(artifact.index, limit: PackIndex.maximumSize)
        return try PackIndex(decoding: bytes.span)
    }

    /// The index under a name there; nil if that is not a model of cake, or cannot be read.
    package static func index(_ name: ManifestName, in repository: RemoteRepository) async throws -> PackIndex? {
        do {
            let artifact = try artifact(try await repository.manifest(name), named: name, in: repository)
            let index = try await index(of: artifact, in: repository)
            return index.packs == artifact.packs ? index : nil
        } catch let error as CakeError where [.notFound, .damaged].contains(error.kind) {
            return nil
        }
    }

    /// The digest of the model's name in the registry when it was read.
    public var digest: BlobName { kept.name }

    /// Bytes of a pull into an empty store.
    public var size: UInt64 { index.members.reduce(0) { $0.clampedSum($1.length) } }
}

/// One blob of a registry, any run of which can be asked for.
package final class RemoteBlob: RangeSource {
    package let label: String
    private let repository: RemoteRepository
    private let name: BlobName
    private let size: UInt64
    private let wholeOnly = Atomic<Bool>(false)
    package let line: Line

    package init(_ name: BlobName, size: UInt64, in repository: RemoteRepository, line: Line = Line()) {
        self.line = line
        self.name = name
        self.size = size
        self.repository = repository
        label = "blob \(name.short) of \(repository.name)"
    }

    package convenience init(_ pack: PackIndex.Pack, in repository: RemoteRepository, line: Line = Line()) {
        self.init(BlobName(pack.digest), size: pack.size, in: repository, line: line)
    }

    package var comesWhole: Bool { wholeOnly.load(ordering: .relaxed) }

    package func open(_ range: Range<UInt64>) async throws -> OpenedRun {
        if let own = try await repository.inBucket { return try await own.open(range, of: name, size: size) }
        switch try await repository.open(range, of: name, size: size, label: label) {
        case .partial(let exchange): return OpenedRun(exchange)
        case .whole(let exchange):
            if range != 0..<size { wholeOnly.store(true, ordering: .relaxed) }
            return try await OpenedRun(exchange, of: label, droppingFirst: range.lowerBound)
        case .expired(let status):
            throw CakeError(.network, "\(label): the registry answered with status \(status)")
        }
    }
}
