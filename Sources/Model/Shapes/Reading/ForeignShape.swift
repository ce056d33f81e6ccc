/// The ways in which other tools keep a model in a registry. The raw values are in JSON documents and in records of names.
public enum ForeignShape: String, Sendable, CaseIterable {
    /// CNCF ModelPack, also by its older names.
    case modelPack = "modelpack"
    /// Docker Model Runner's own.
    case docker = "docker-model"
    /// KitOps' own.
    case kit = "kitops"
    /// An image with files in `models/`.
    case image

    public var words: String {
        switch self {
        case .modelPack: "ModelPack artifact"
        case .docker: "Docker Model Runner artifact"
        case .kit: "KitOps ModelKit"
        case .image: "image with models/"
        }
    }

    /// By the type of the config, which says how to read the rest.
    init?(configType: String) {
        switch configType {
        case "application/vnd.cncf.model.config.v1+json", "application/vnd.cnai.model.config.v1+json": self = .modelPack
        case "application/vnd.docker.ai.model.config.v0.1+json", "application/vnd.docker.ai.model.config.v0.2+json":
            self = .docker
        case "application/vnd.kitops.modelkit.config.v1+json": self = .kit
        case "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json": self = .image
        default: return nil
        }
    }

    /// Whether a manifest of this shape may call itself so.
    func mayBe(_ artifactType: String) -> Bool {
        switch self {
        case .modelPack:
            ["application/vnd.cncf.model.manifest.v1+json", "application/vnd.cnai.model.manifest.v1+json"].contains(
                artifactType)
        case .docker: artifactType.utf8.starts(with: "application/vnd.docker.ai.".utf8)
        case .kit: artifactType.utf8.starts(with: "application/vnd.kitops.".utf8)
        case .image: false
        }
    }
}

/// One layer of a model of another shape.
public struct ForeignLayer: Hashable, Sendable {
    public enum Content: Hashable, Sendable {
        /// The file itself.
        case file(FilePath)
        /// A tar archive, plain or compressed, whose files lie in this folder of the model; nil for its top.
        case tar(in: FilePath?)
        /// A layer of an image: what it has in `models/` counts.
        case imageLayer
    }

    public let digest: Digest
    public let size: UInt64
    public let content: Content
    /// Of the plain bytes, where the config gives it.
    public var plainDigest: Digest?

    public init(digest: Digest, size: UInt64, content: Content) {
        (self.digest, self.size, self.content) = (digest, size, content)
    }

    /// Whether its files are not known before it is read.
    public var isArchive: Bool { if case .file = content { false } else { true } }
}
