public import Model

/// A model in a registry as another tool keeps it, from its manifest and its config. No layer is read.
public struct RemoteShape: Sendable {
    public let repository: RemoteRepository
    /// Of the model itself, and not of a list that it was chosen from.
    public let kept: RemoteRepository.Kept
    public let model: ForeignModel

    /// For people.
    public var place: String { "\(repository.host)/\(repository.name)" }

    private static let longestConfig = JSONValue.usualLimit

    init(
        _ kept: RemoteRepository.Kept, _ manifest: RegistryManifest, of shape: ForeignShape,
        in repository: RemoteRepository
    ) async throws {
        guard let descriptor = manifest.config, descriptor.name.algorithm == .sha256, !descriptor.isElsewhere else {
            throw CakeError(.damaged, "the registry's manifest has no config that is named by a SHA-256")
        }
        let config = try await repository.blob(descriptor, limit: RemoteShape.longestConfig)
        model = try ForeignModel(manifest, of: shape, in: kept.bytes.span, config: config.span)
        self.repository = repository
        self.kept = kept
    }

    /// A layer, any run of which can be asked for.
    package func blob(_ layer: Digest, size: UInt64, line: Line = Line()) -> RemoteBlob {
        RemoteBlob(BlobName(layer), size: size, in: repository, line: line)
    }
}

/// A model that a name in a registry leads to.
public enum RemoteFinding: Sendable {
    /// As cake pushes it.
    case cake(RemoteArtifact)
    case foreign(RemoteShape)

    /// Of a list of manifests the one for this machine.
    public init(
        _ name: ManifestName, in repository: RemoteRepository, limit: Int = ManifestText.maximumSize
    ) async throws {
        var (kept, name) = (try await repository.manifest(name), name)
        let place = "\(repository.host)/\(repository.words(name))"
        do {
            var manifest = try RegistryManifest(parsing: kept.bytes.span)
            if let index = try ForeignIndex(manifest, in: kept.bytes.span) {
                let chosen = try index.chosen()
                name = .digest(chosen.name)
                kept = try await repository.manifest(name)
                manifest = try RegistryManifest(parsing: kept.bytes.span)
                guard UInt64(kept.bytes.count) == chosen.size else {
                    throw CakeError(
                        .damaged,
                        "the manifest \(chosen.name.short) has \(kept.bytes.count) bytes, and the list says \(chosen.size)"
                    )
                }
                guard try ForeignIndex(manifest, in: kept.bytes.span) == nil else {
                    throw CakeError(.damaged, "the list of manifests names another list")
                }
            }
            if manifest.artifactKind != ModelArtifact.artifactType, let shape = try ForeignModel.shape(of: manifest) {
                self = .foreign(try await RemoteShape(kept, manifest, of: shape, in: repository))
                return
            }
        } catch let error as CakeError where error.kind != .network && error.kind != .notAuthorised {
            throw error.at(place)
        }
        self = .cake(try await RemoteArtifact(kept, named: name, in: repository, limit: limit))
    }
}
