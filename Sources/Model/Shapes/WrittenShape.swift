/// The shapes beside cake's own in which a model is written for other tools.
public enum WrittenShape: String, CaseIterable, Hashable, Sendable {
    /// An artifact of the CNCF's ModelPack: the model's files as they are.
    case modelpack
    /// An OCI image with the files below `models/`.
    case image
}

/// A model in one of these shapes: a manifest, and the blobs that it names.
public struct ShapedModel: Hashable, Sendable {
    public struct Blob: Hashable, Sendable {
        public let descriptor: Descriptor
        public let plan: BlobPlan

        public init(_ descriptor: Descriptor, _ plan: BlobPlan) { (self.descriptor, self.plan) = (descriptor, plan) }
    }

    public let shape: WrittenShape
    /// The manifest's bytes.
    public let manifest: [UInt8]
    public let config: Blob
    /// In the order of the manifest. A digest may be there twice.
    public let layers: [Blob]
    /// Layers of a base image, which lie below. Their bytes are not in the store.
    public let below: [Descriptor]

    init(
        _ shape: WrittenShape, manifest: [UInt8], config: Blob, layers: [Blob], below: [Descriptor] = []
    ) throws(CakeError) {
        guard manifest.count <= RegistryManifest.maximumSize else {
            throw CakeError(
                .failed,
                "the model has too many files: its manifest would have "
                    + "\(Quantities.bytes(UInt64(manifest.count))), and registries take "
                    + Quantities.bytes(UInt64(RegistryManifest.maximumSize)))
        }
        (self.shape, self.manifest, self.config) = (shape, manifest, config)
        (self.layers, self.below) = (layers, below)
    }

    /// The config, then each layer once.
    public var blobs: [Blob] {
        var seen: Set<BlobName> = []
        return ([config] + layers).filter { seen.insert($0.descriptor.name).inserted }
    }
}
