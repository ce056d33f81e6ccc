/// An image that a model's layers are put on: its layers, and what its config says.
public struct ImageBase: Hashable, Sendable {
    /// With the types of OCI, which the manifest has.
    public let layers: [Descriptor]
    /// The digest of each layer's plain bytes.
    let diffs: [String]
    /// Architecture, system, and their variants.
    let platform: JSONObject
    /// Environment, user, command and so on.
    let run: JSONValue?

    /// The limit on a config's bytes.
    public static let largestConfig = 4 << 20
    private static let dockerLayer = "application/vnd.docker.image.rootfs.diff.tar"
    private static let configTypes = [ImageShape.configType, "application/vnd.docker.container.image.v1+json"]

    public init(_ manifest: RegistryManifest, config bytes: Span<UInt8>) throws(CakeError) {
        func refuse(_ why: String) -> CakeError { CakeError(.damaged, "the base image \(why)") }
        guard let config = manifest.config, ImageBase.configTypes.contains(config.mediaType) else {
            throw refuse("is no image: its config is of type \(manifest.config?.mediaType.printable ?? "nothing")")
        }
        var layers: [Descriptor] = []
        for layer in manifest.layers {
            guard !layer.isElsewhere else { throw refuse("has layers that are on another server only") }
            guard let type = ImageBase.type(layer.mediaType) else {
                throw refuse("has a layer of type \(layer.mediaType.printable), which is none of an image")
            }
            layers.append(Descriptor(mediaType: type, name: layer.name, size: layer.size))
        }
        let document = try JSONValue(parsing: bytes)
        let diffs = document["rootfs"]?["diff_ids"]?.array?.compactMap(\.string) ?? []
        guard diffs.count == layers.count else {
            throw refuse("has \(layers.count) layers, and its config names \(diffs.count)")
        }
        if let wrong = diffs.first(where: { BlobName($0) == nil }) {
            throw refuse("has a config with \"\(wrong.printable)\" where a digest should be")
        }
        guard let architecture = document["architecture"]?.string, let system = document["os"]?.string else {
            throw refuse("does not say for which system it is")
        }
        var platform = JSONObject([
            .init(key: "architecture", value: .string(architecture)), .init(key: "os", value: .string(system)),
        ])
        for key in ["variant", "os.version", "os.features"] {
            if let value = document[key] { platform.append(key, value) }
        }
        (self.layers, self.diffs, self.platform) = (layers, diffs, platform)
        run = document["config"].flatMap { $0 == .null ? nil : $0 }
    }

    /// The digest in an index of images, for the usual machine; else the only one.
    public static func choice(in index: JSONValue) throws(CakeError) -> BlobName {
        let entries = index["manifests"]?.array ?? []
        func named(_ entry: JSONValue) -> BlobName? { entry["digest"]?.string.flatMap { BlobName($0) } }
        let fitting = entries.first { entry in
            entry["platform"]?["os"]?.string == "linux" && entry["platform"]?["architecture"]?.string == "amd64"
        }
        guard let found = (fitting ?? (entries.count == 1 ? entries[0] : nil)).flatMap(named) else {
            throw CakeError(
                .failed, "the base image is there for \(entries.count) platforms, and linux/amd64 is none of them",
                fix: "name one of its images by digest: --image-base HOST/PATH@sha256:…")
        }
        return found
    }

    private static func type(_ type: String) -> String? {
        for ending in ["", "+gzip", "+zstd"] where type == ImageShape.layerType + ending { return type }
        switch type {
        case dockerLayer: return ImageShape.layerType
        case dockerLayer + ".gzip": return ImageShape.layerType + "+gzip"
        case dockerLayer + ".zstd": return ImageShape.layerType + "+zstd"
        default: return nil
        }
    }
}

extension String {
    fileprivate var printable: String { Printable.escape(String(prefix(100))) }
}
