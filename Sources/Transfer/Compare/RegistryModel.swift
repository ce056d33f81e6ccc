public import Model
internal import Platform
public import Remote
public import Store

/// A model in a registry, read without downloading its packs: every digest is known from its manifest. Nothing is
/// stored.
public struct RegistryModel: Sendable {
    public let reference: RegistryReference
    public let remote: RemoteArtifact
    private let texts: [FilePath: [UInt8]]

    private static let names = ["config.json", "adapter_config.json", ModelCard.fileName]

    public init(_ reference: RegistryReference, from client: RegistryClient) async throws {
        let remote = try await RemoteArtifact(reference.manifest, in: RemoteRepository(reference, client))
        try await self.init(reference, remote)
    }

    public init(_ reference: RegistryReference, _ remote: RemoteArtifact) async throws {
        self.reference = reference
        self.remote = remote
        var texts: [FilePath: [UInt8]] = [:]
        for file in remote.model.files where RegistryModel.names.contains(file.path.string) {
            guard file.segments.count == 1, let layer = file.segments.first?.layer,
                let member = remote.index[layer.digest],
                layer.size <= UInt64(RemoteModel.textLimit), member.length <= 2 * UInt64(RemoteModel.textLimit),
                member.base == nil
            else { continue }
            let pack = remote.index.packs[member.pack]
            let stored = try await RemoteBlob(pack, in: remote.repository).bytes(
                member.bytes)
            texts[file.path] = try ObjectBytes.plain(of: layer, in: stored.span, limit: RemoteModel.textLimit)
        }
        self.texts = texts
    }

    /// One of the small files; nil if there is none.
    public func bytes(of path: String) -> [UInt8]? {
        let wanted = ExactText(path)
        return texts.first { $0.key.text == wanted }?.value
    }

    public var outline: Outline { Outline(remote.model) }

    /// Files with layers that the store lacks, and the size of a pull now.
    public func missing(from store: LocalStore?) throws(CakeError) -> (files: Int, bytes: UInt64) {
        guard let store else { return (remote.model.files.count, remote.size) }
        let outlook = try RegistryPull(of: remote, into: store, progress: Progress(""), options: .init()).outlook()
        var files = 0
        for file in remote.model.files {
            for segment in file.segments where try !store.contains(segment.layer) {
                files += 1
                break
            }
        }
        return (files, outlook.bytes)
    }
}
