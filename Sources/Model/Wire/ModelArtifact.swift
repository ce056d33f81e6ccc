/// A model as a registry lists it: the manifest that names its config, the model's own manifest, the index, and the packs.
public struct ModelArtifact: Hashable, Sendable {
    public static let artifactType = "application/vnd.cake.model.v1"
    /// A model without layers that its reader has. No registry takes it for a whole model.
    public static let partType = "application/vnd.cake.model.part.v1"
    public static let configType = "application/vnd.cake.model.config.v1+json"
    public static let manifestType = "application/vnd.cake.manifest.v1"
    public static let indexType = "application/vnd.cake.index.v1"
    public static let packType = "application/vnd.cake.pack.v1"
    public static let needsType = "application/vnd.cake.layers.v1"

    public let config: Descriptor
    /// The text that says which layers rebuild which files: its name here is the name it has in a store.
    public let manifest: Descriptor
    public let index: Descriptor
    /// Of a part of a model the list of layers that its reader has.
    public let needs: Descriptor?
    /// As the index has them, in its order.
    public let packs: [PackIndex.Pack]
    /// Shown by other tools.
    public let annotations: [Annotation]

    public struct Annotation: Hashable, Sendable {
        public let key: String
        public let value: String

        public init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }

    public init(
        config: (Digest, UInt64), manifest: (Digest, UInt64), index: (Digest, UInt64), packs: [PackIndex.Pack],
        needs: (Digest, UInt64)? = nil, annotations: [Annotation] = []
    ) {
        func descriptor(_ type: String, _ blob: (Digest, UInt64)) -> Descriptor {
            Descriptor(mediaType: type, name: BlobName(blob.0), size: blob.1)
        }
        self.config = descriptor(ModelArtifact.configType, config)
        self.manifest = descriptor(ModelArtifact.manifestType, manifest)
        self.index = descriptor(ModelArtifact.indexType, index)
        self.needs = needs.map { descriptor(ModelArtifact.needsType, $0) }
        self.packs = packs
        self.annotations = annotations
    }

    /// The manifest's bytes: the same artifact gives the same.
    public var encoded: [UInt8] {
        var layers: [JSONValue] = [.object(manifest.json), .object(index.json)]
        if let needs { layers.append(.object(needs.json)) }
        for pack in packs {
            let descriptor = Descriptor(mediaType: ModelArtifact.packType, name: BlobName(pack.digest), size: pack.size)
            layers.append(.object(descriptor.json))
        }
        var document = JSONObject([
            .init(key: "schemaVersion", value: 2), .init(key: "mediaType", value: .string(RegistryManifest.image)),
            .init(
                key: "artifactType", value: .string(needs == nil ? ModelArtifact.artifactType : ModelArtifact.partType)),
            .init(key: "config", value: .object(config.json)), .init(key: "layers", value: .array(layers)),
        ])
        if !annotations.isEmpty {
            let members = annotations.map { JSONObject.Member(key: $0.key, value: .string($0.value)) }
            document.append("annotations", .object(JSONObject(members)))
        }
        return JSONValue.object(document).bytes(.compact)
    }

    /// Reads a manifest that a registry sent. Layers of other types are passed over: a later version may add some.
    /// A bundle may have a part of a model.
    public init(_ manifest: RegistryManifest, mayBePart: Bool = false) throws(CakeError) {
        func refuse(_ why: String) -> CakeError {
            CakeError(.damaged, "the \(mayBePart ? "bundle" : "registry")'s manifest \(why)")
        }
        let isPart = mayBePart && manifest.artifactType == ModelArtifact.partType
        guard isPart || manifest.artifactType == ModelArtifact.artifactType else {
            throw refuse(
                "is not of a model that cake pushed, but of \(manifest.artifactKind.map(Printable.escape) ?? "nothing")"
            )
        }
        func only(_ type: String) throws(CakeError) -> Descriptor {
            let found = manifest.layers.filter { $0.mediaType == type }
            guard found.count == 1, found[0].name.algorithm == .sha256, !found[0].isElsewhere else {
                throw refuse(
                    "has \(found.count) layers of type \(type), instead of one, named by its SHA-256")
            }
            return found[0]
        }
        guard let config = manifest.config, config.mediaType == ModelArtifact.configType, !config.isElsewhere else {
            throw refuse("has no model config")
        }
        self.config = config
        self.manifest = try only(ModelArtifact.manifestType)
        index = try only(ModelArtifact.indexType)
        needs = isPart ? try only(ModelArtifact.needsType) : nil
        guard needs?.size ?? 0 <= UInt64(LayerList.maximumSize) else {
            throw refuse("names a list of layers of \(needs?.size ?? 0) bytes")
        }
        guard index.size <= UInt64(PackIndex.maximumSize) else { throw refuse("names an index of \(index.size) bytes") }
        var packs: [PackIndex.Pack] = []
        var total = ByteTotal()
        for layer in manifest.layers where layer.mediaType == ModelArtifact.packType {
            guard let digest = layer.name.sha256, !layer.isElsewhere else {
                throw refuse("does not name a pack by its SHA-256, or gives another address for it")
            }
            try total.add(layer.size, of: "pack \(digest.short)")
            packs.append(PackIndex.Pack(digest: digest, size: layer.size))
        }
        self.packs = packs
        annotations = []
    }

    /// Whether a client that has this manifest, the index and the model's manifest can rebuild everything; of a part of a
    /// model together with the layers `besides`.
    public func check(_ index: PackIndex, _ model: Manifest, besides: LayerList = .none) throws(CakeError) {
        guard index.packs == packs else { throw PackIndex.refuse("names other packs than the manifest") }
        for layer in model.layers where layer.size > 0 && !besides.contains(layer) {
            guard let member = index[layer.digest], member.layer.size == layer.size else {
                throw PackIndex.refuse("lacks layer \(layer.digest.short) of the model")
            }
        }
    }
}
