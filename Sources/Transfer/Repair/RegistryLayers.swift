public import Model
internal import Platform
public import Remote
public import Store
internal import Synchronization

/// Layers in registries: as members of the packs of every model whose name remembers that it came from one.
public struct RegistryLayers: LayerSource {
    private let client: @Sendable (RegistryReference) throws -> RegistryClient

    /// `client` sends requests to a registry.
    public init(_ client: @escaping @Sendable (RegistryReference) throws -> RegistryClient) { self.client = client }

    public func bring(
        _ layers: [Layer], into store: LocalStore, _ operation: Operation, _ progress: Progress,
        waiting: @escaping @Sendable (String) -> Void
    ) async throws -> [Digest: Repair.Outcome] {
        var outcomes: [Digest: Repair.Outcome] = [:]
        var left = Dictionary(layers.map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
        for named in try store.names() where !left.isEmpty {
            guard let reference = RegistryLayers.reference(named.record),
                let manifest = try? store.manifest(named.record.manifest)
            else { continue }
            let wanted = manifest.layers.filter { left[$0.digest] == $0 }
            guard !wanted.isEmpty else { continue }
            let came = Mutex(Set<Digest>())
            do {
                let remote = try await RemoteArtifact(
                    reference.manifest, in: RemoteRepository(reference, client(reference)))
                let pull = RegistryPull(of: remote, into: store, progress: progress, options: RegistryPull.Options())
                _ = try await pull.fetch(wanted, in: operation, waiting: { waiting("pack \($0.short)") }) { published in
                    came.withLock { $0.formUnion(published) }
                }
                let missing = CakeError(.notFound, "\(reference.typed) does not have it", fix: "import it again")
                for layer in wanted { outcomes[layer.digest] = .failed(missing) }
            } catch let error as CakeError {
                for layer in wanted { outcomes[layer.digest] = .failed(error) }
            }
            for digest in came.withLock({ $0 }) where left.removeValue(forKey: digest) != nil {
                outcomes[digest] = .mended(from: named.name)
            }
        }
        return outcomes
    }

    /// The model of the name there: by its digest, whatever the tag is by now.
    private static func reference(_ record: NameRecord) -> RegistryReference? {
        guard let source = record.source, let digest = record.commit.flatMap({ Digest(hex: $0) }),
            case .registry(let place) = try? Reference("\(source)@sha256:\(digest.hex)")
        else { return nil }
        return place
    }
}
