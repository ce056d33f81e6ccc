public import Model
internal import Platform
internal import Store

/// Signatures of pushed models.
extension RegistryStore {
    static let mostSignatures = 16

    /// The bundles that refer to a manifest, as far as they are here.
    public func signatures(of subject: BlobName, in repository: RepositoryName) throws(CakeError) -> [[UInt8]] {
        var bundles: [[UInt8]] = []
        for name in try referrers(of: subject, in: repository, after: nil)
        where bundles.count < RegistryStore.mostSignatures {
            guard let stored = try manifest(.digest(name), in: repository),
                let manifest = try? RegistryManifest(parsing: stored.bytes.span),
                let bundle = SignatureArtifact.bundle(in: manifest),
                let bytes = try bytes(of: bundle, limit: SignatureBundle.maximumSize, in: repository)
            else { continue }
            bundles.append(bytes)
        }
        return bundles
    }

    /// The files that a pushed model says it has. Nil if its own manifest is not here.
    public func files(of artifact: ModelArtifact, in repository: RepositoryName) throws(CakeError) -> [Manifest.File]? {
        guard let text = try bytes(of: artifact.manifest, limit: ManifestText.maximumSize, in: repository) else {
            return nil
        }
        return try ManifestText.decode(text.span).files
    }

    /// Rebuilds every file of a pushed model, and compares it with the digest that its pusher says it has.
    public func verifyFiles(of artifact: ModelArtifact, in repository: RepositoryName) throws {
        guard verifiedFiles[artifact.manifest.name] == nil else { return }
        let objects = try PackedObjects(of: artifact, on: .repository(repository), self)
        let reader = LayerReader(store, from: objects)
        for file in try files(of: artifact, in: repository) ?? [] {
            var hash = SHA256()
            do {
                try PieceReader(file.segments.map(\.layer), by: reader).forEach { $0.withBytes { hash.update($0) } }
            } catch let damage as PieceReader.Unreadable { throw damage.error }
            let found = hash.finish()
            guard found == file.digest else {
                throw CakeError(
                    .damaged, "\(file.path) has the SHA-256 \(found.short), and the model says \(file.digest.short)",
                    fix: "push the model again")
            }
        }
        verifiedFiles[artifact.manifest.name] = true
    }
}
