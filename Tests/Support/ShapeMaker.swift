public import Model
internal import Platform

/// A model as another tool would push it: blobs, and the manifest that names them. Every text is what a test wants.
public struct ShapeMaker: Sendable {
    public struct Layer: Sendable {
        public var type: String
        public var bytes: [UInt8]
        public var annotations: [(String, String)]
        /// What the manifest says of it, instead of what it is.
        public var claimedSize: UInt64?
        public var claimedDigest: Digest?
        public var isElsewhere = false

        public init(_ type: String, _ bytes: [UInt8], _ annotations: [(String, String)] = []) {
            (self.type, self.bytes, self.annotations) = (type, bytes, annotations)
        }

        /// Under its path.
        public init(_ type: String, path: String, _ bytes: [UInt8]) {
            self.init(type, bytes, [("org.cncf.model.filepath", path)])
        }
    }

    public static let modelPack = "application/vnd.cncf.model.config.v1+json"
    public static let docker2 = "application/vnd.docker.ai.model.config.v0.2+json"
    public static let docker1 = "application/vnd.docker.ai.model.config.v0.1+json"
    public static let kit = "application/vnd.kitops.modelkit.config.v1+json"
    public static let image = "application/vnd.oci.image.config.v1+json"
    public static let dockerImage = "application/vnd.docker.container.image.v1+json"

    public static let weight = "application/vnd.cncf.model.weight.v1.raw"
    public static let settings = "application/vnd.cncf.model.weight.config.v1.raw"
    public static let tarLayer = "application/vnd.oci.image.layer.v1.tar"

    public var configType: String
    /// Nil for one that fits the layers.
    public var config: String?
    public var layers: [Layer]
    public var artifactType: String?
    public var annotations: [(String, String)] = []
    public var mediaType = RegistryManifest.image

    public init(_ configType: String, _ layers: [Layer], config: String? = nil) {
        (self.configType, self.layers, self.config) = (configType, layers, config)
        if configType == ShapeMaker.modelPack { artifactType = "application/vnd.cncf.model.manifest.v1+json" }
        if configType == ShapeMaker.dockerImage {
            mediaType = "application/vnd.docker.distribution.manifest.v2+json"
        }
    }

    public static func digest(_ bytes: [UInt8]) -> Digest { SHA256.digest(of: bytes.span) }

    /// Digests of plain bytes, for layers that are not plain.
    public var plainDigests: [Digest]?

    public var configBytes: [UInt8] {
        if let config { return Array(config.utf8) }
        let digests = plainDigests ?? layers.map { ShapeMaker.digest($0.bytes) }
        let list = digests.map { "\"sha256:\($0.hex)\"" }.joined(separator: ",")
        switch configType {
        case ShapeMaker.modelPack:
            return Array(#"{"descriptor":{},"config":{},"modelfs":{"type":"layers","diffIds":[\#(list)]}}"#.utf8)
        case ShapeMaker.docker1, ShapeMaker.docker2:
            return Array(#"{"config":{},"descriptor":{},"rootfs":{"type":"rootfs","diff_ids":[\#(list)]}}"#.utf8)
        case ShapeMaker.kit: return Array(#"{"manifestVersion":"1.0.0","package":{"name":"m"}}"#.utf8)
        default:
            return Array(
                #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[\#(list)]}}"#.utf8)
        }
    }

    private static func text(_ text: String) -> String { JSONValue.string(text).text(.compact) }

    private static func members(_ members: [(String, String)]) -> String {
        "{" + members.map { "\(text($0.0)):\(text($0.1))" }.joined(separator: ",") + "}"
    }

    public var manifest: [UInt8] {
        let config = configBytes
        var text = #"{"schemaVersion":2,"mediaType":"\#(mediaType)","#
        if let artifactType { text += #""artifactType":"\#(artifactType)","# }
        text += #""config":{"mediaType":"\#(configType)","digest":"sha256:\#(ShapeMaker.digest(config).hex)","#
        text += #""size":\#(config.count)},"layers":["#
        text +=
            layers.map { layer in
                let digest = layer.claimedDigest ?? ShapeMaker.digest(layer.bytes)
                let size = layer.claimedSize ?? UInt64(layer.bytes.count)
                var one =
                    #"{"mediaType":\#(ShapeMaker.text(layer.type)),"digest":"sha256:\#(digest.hex)","size":\#(size)"#
                if layer.isElsewhere { one += #","urls":["http://127.0.0.1/x"]"# }
                if !layer.annotations.isEmpty { one += #","annotations":\#(ShapeMaker.members(layer.annotations))"# }
                return one + "}"
            }.joined(separator: ",") + "]"
        if !annotations.isEmpty { text += #","annotations":\#(ShapeMaker.members(annotations))"# }
        return Array((text + "}").utf8)
    }

    /// As a reader understands it.
    public func read() throws -> ForeignModel? {
        let manifest = manifest
        let read = try RegistryManifest(parsing: manifest.span)
        guard let shape = try ForeignModel.shape(of: read) else { return nil }
        let config = configBytes
        return try ForeignModel(read, of: shape, in: manifest.span, config: config.span)
    }
}
