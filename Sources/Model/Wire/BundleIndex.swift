/// `index.json` of an OCI image layout: what `cake save` writes first in a bundle, and what other tools write.
public struct BundleIndex: Hashable, Sendable {
    public static let layoutName = "oci-layout"
    public static let indexName = "index.json"
    public static let layout = Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)

    /// Where a blob lies.
    public static func path(of name: BlobName) -> String { "blobs/\(name.algorithm.rawValue)/\(name.hex)" }

    /// The blob that a path names; nil for other paths.
    public static func blob(at path: String) -> BlobName? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "blobs" else { return nil }
        return BlobName("\(parts[1]):\(parts[2])")
    }

    public struct Entry: Hashable, Sendable {
        public let name: BlobName
        public let size: UInt64
        public let mediaType: String
        public let artifactType: String?
        /// The usual name: a tag.
        public let reference: String?
        /// The name for containerd and podman.
        public let imageName: String?

        public init(
            name: BlobName, size: UInt64, mediaType: String, artifactType: String?, reference: String?,
            imageName: String?
        ) {
            (self.name, self.size, self.mediaType) = (name, size, mediaType)
            (self.artifactType, self.reference, self.imageName) = (artifactType, reference, imageName)
        }
    }

    /// One of several archives, each with some of the blobs.
    public struct Part: Hashable, Sendable {
        /// From 0 on.
        public let number: Int
        public let count: Int

        public init(number: Int, count: Int) { (self.number, self.count) = (number, count) }

        public static let most = 100_000
    }

    public let entries: [Entry]
    public let part: Part?

    public init(_ entries: [Entry], part: Part? = nil) { (self.entries, self.part) = (entries, part) }

    private static let referenceKey = "org.opencontainers.image.ref.name"
    private static let imageKey = "io.containerd.image.name"
    private static let partKey = "vnd.cake.bundle.part"
    private static let partsKey = "vnd.cake.bundle.parts"

    public var encoded: [UInt8] {
        let manifests = entries.map { entry in
            var object = Descriptor(mediaType: entry.mediaType, name: entry.name, size: entry.size).json
            if let type = entry.artifactType { object.append("artifactType", .string(type)) }
            var annotations = JSONObject()
            if let name = entry.imageName { annotations.append(BundleIndex.imageKey, .string(name)) }
            if let name = entry.reference { annotations.append(BundleIndex.referenceKey, .string(name)) }
            if !annotations.members.isEmpty { object.append("annotations", .object(annotations)) }
            return JSONValue.object(object)
        }
        var document = JSONObject([
            .init(key: "schemaVersion", value: 2), .init(key: "mediaType", value: .string(RegistryManifest.index)),
            .init(key: "manifests", value: .array(manifests)),
        ])
        if let part {
            document.append(
                "annotations",
                [
                    BundleIndex.partKey: .string("\(part.number)"), BundleIndex.partsKey: .string("\(part.count)"),
                ])
        }
        return JSONValue.object(document).bytes(.compact)
    }

    public static let maximumSize = 4 << 20

    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        let document = try JSONValue(parsing: bytes, limit: BundleIndex.maximumSize)
        guard document.object != nil, document["schemaVersion"]?.unsigned == 2,
            let manifests = document["manifests"]?.array
        else { throw CakeError(.damaged, "index.json is not an OCI index") }
        var entries: [Entry] = []
        for manifest in manifests {
            guard let type = manifest["mediaType"]?.string, let digest = manifest["digest"]?.string,
                let name = BlobName(digest), let size = manifest["size"]?.unsigned
            else { throw CakeError(.damaged, "index.json has an entry without a type, a digest or a size") }
            let annotations = manifest["annotations"]
            entries.append(
                Entry(
                    name: name, size: try ByteCount.checked(size, of: "blob \(name.hex.prefix(12))"), mediaType: type,
                    artifactType: manifest["artifactType"]?.string,
                    reference: annotations?[BundleIndex.referenceKey]?.string,
                    imageName: annotations?[BundleIndex.imageKey]?.string))
        }
        self.entries = entries
        let annotations = document["annotations"]
        guard let text = annotations?[BundleIndex.partKey]?.string else {
            part = nil
            return
        }
        guard let number = Int(text), let count = annotations?[BundleIndex.partsKey]?.string.flatMap({ Int($0) }),
            (1...Part.most).contains(count), (0..<count).contains(number)
        else { throw CakeError(.damaged, "index.json does not say which part of a bundle this is") }
        part = Part(number: number, count: count)
    }
}

extension BundleIndex {
    /// A model's name of the name that its image has in an archive: of a local one without what every such name has.
    public static func name(ofImage text: String) -> String {
        guard text.hasPrefix(localHost) else { return text }
        let rest = text.dropFirst(localHost.count)
        return String(rest.hasSuffix(usualTag) ? rest.dropLast(usualTag.count) : rest)
    }

    private static let localHost = "localhost/"
    private static let usualTag = ":latest"

    /// The name in an archive or a folder as other tools take it: a tag where no other entry has it, else path and tag.
    public static func names(of models: [ModelName]) -> [(reference: String, imageName: String)] {
        let places = models.map { ServedName($0) }
        return places.enumerated().map { number, place in
            guard let place else { return ("model-\(number)", "localhost/model-\(number):latest") }
            let isAlone = places.count { $0?.tag == place.tag } == 1
            // A model from a registry keeps its name there.
            let known = models[number].isOfRegistry ? try? RegistryReference(models[number].string) : nil
            return (isAlone ? place.tag.text : "\(place)", known?.storeName ?? "\(localHost)\(place)")
        }
    }
}
