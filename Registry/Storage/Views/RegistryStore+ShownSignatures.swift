public import Model
internal import Platform
internal import Store

/// Signatures that the store has of its models, shown where registries keep them: as manifests that refer to the model's, in each
/// shape. Nothing of it is written.
extension RegistryStore {
    public struct ShownSignature: Sendable {
        /// What it refers to: whoever may have that may have the signature.
        public enum Subject: Sendable {
            case model(StoredManifest)
            case view(View)

            var stored: StoredManifest {
                switch self {
                case .model(let stored): stored
                case .view(let view): view.stored
                }
            }
        }

        public let subject: Subject
        public let stored: StoredManifest
        /// The bundle, and the config.
        private let blobs: [BlobName: [UInt8]]

        init?(_ bundle: [UInt8], of subject: Subject) {
            guard let model = subject.stored.model else { return nil }
            self.subject = subject
            let config = SignatureArtifact.config
            let name = BlobName(SHA256.digest(of: bundle.span))
            let empty = BlobName(SHA256.digest(of: config.span))
            let bytes = SignatureArtifact.encode(
                bundle: SignatureArtifact.bundle(name, size: bundle.count), config: empty,
                subject: Descriptor(
                    mediaType: subject.stored.mediaType, name: subject.stored.name,
                    size: UInt64(subject.stored.bytes.count)))
            stored = StoredManifest(
                name: BlobName(SHA256.digest(of: bytes.span)), mediaType: RegistryManifest.image, bytes: bytes,
                of: model)
            blobs = [name: bundle, empty: config]
        }

        public subscript(blob: BlobName) -> [UInt8]? { blobs[blob] }
    }

    /// Of one manifest.
    public func shownSignatures(of subject: BlobName, in repository: RepositoryName) throws(CakeError)
        -> [ShownSignature]
    {
        if let record = try modelRecord(subject, in: repository) {
            return try shownSignatures(of: .model(record.stored))
        }
        if let view = view(subject, in: repository) { return try shownSignatures(of: .view(view)) }
        return []
    }

    /// Of everything that the repository shows of models that are signed.
    public func shownSignatures(in repository: RepositoryName) throws(CakeError) -> [ShownSignature] {
        guard try store.hasSignatures else { return [] }
        var found: [ShownSignature] = []
        for (record, _) in try modelRecords(in: repository) {
            found += try shownSignatures(of: .model(record.stored))
        }
        for view in views(in: repository) { found += try shownSignatures(of: .view(view)) }
        return found
    }

    private func shownSignatures(of subject: ShownSignature.Subject) throws(CakeError) -> [ShownSignature] {
        guard let model = subject.stored.model else { return [] }
        var found: [ShownSignature] = []
        for signature in try store.signatures(of: model).prefix(RegistryStore.mostSignatures) {
            if let shown = ShownSignature(try store.bytes(of: signature), of: subject) { found.append(shown) }
        }
        return found
    }
}
