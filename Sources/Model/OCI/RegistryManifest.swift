/// A reference from one blob or manifest to another: type, name and size.
public struct Descriptor: Hashable, Sendable {
    public let mediaType: String
    public let name: BlobName
    public let size: UInt64
    /// It may be on other servers, at these addresses. Never followed.
    public var isElsewhere = false

    public init(mediaType: String, name: BlobName, size: UInt64) {
        self.mediaType = mediaType
        self.name = name
        self.size = size
    }

    public var json: JSONObject {
        JSONObject([
            .init(key: "mediaType", value: .string(mediaType)), .init(key: "digest", value: .string(name.description)),
            .init(key: "size", value: JSONValue(size)),
        ])
    }
}

/// The parts of a pushed manifest that a registry needs, for any kind of manifest. Read without a tree: it may have
/// megabytes, and all members but these are only checked.
public struct RegistryManifest: Sendable {
    public static let maximumSize = 4 << 20
    public static let image = "application/vnd.oci.image.manifest.v1+json"
    public static let index = "application/vnd.oci.image.index.v1+json"

    public private(set) var mediaType: String?
    public private(set) var artifactType: String?
    public private(set) var config: Descriptor?
    /// Layers, which older artifacts call blobs.
    public private(set) var layers: [Descriptor] = []
    public private(set) var manifests: [Descriptor] = []
    public private(set) var subject: Descriptor?
    /// Their place in the text.
    private var annotations: Range<Int>?

    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        var scanner = JSONScanner()
        var seen: Set<String> = []
        try scanner.beginObject(in: bytes)
        while let key = try scanner.key(in: bytes) {
            // Readers disagree on which of two counts.
            guard seen.insert(key).inserted else {
                throw scanner.refuse("\"\(Printable.escape(key))\" is given twice", in: bytes)
            }
            switch key {
            case "schemaVersion":
                guard try scanner.kind(in: bytes) == .number, try scanner.wholeNumber(in: bytes) == 2 else {
                    throw scanner.refuse("schemaVersion is not 2", in: bytes)
                }
            case "mediaType": mediaType = try scanner.string(in: bytes)
            case "artifactType": artifactType = try scanner.string(in: bytes)
            case "config": config = try RegistryManifest.descriptor(&scanner, in: bytes)
            case "layers", "blobs": layers += try RegistryManifest.descriptors(&scanner, in: bytes)
            case "manifests": manifests = try RegistryManifest.descriptors(&scanner, in: bytes)
            case "subject":
                if try scanner.kind(in: bytes) == .null {
                    try scanner.null(in: bytes)
                } else {
                    subject = try RegistryManifest.descriptor(&scanner, in: bytes)
                }
            case "annotations":
                guard [.object, .null].contains(try scanner.kind(in: bytes)) else {
                    throw scanner.refuse("the annotations are not an object", in: bytes)
                }
                let start = scanner.position
                try scanner.skipValue(in: bytes)
                annotations = start..<scanner.position
            default: try scanner.skipValue(in: bytes)
            }
        }
        try scanner.finish(in: bytes)
        guard seen.contains("schemaVersion") || !layers.isEmpty || mediaType != nil else {
            throw CakeError(.damaged, "it has neither a schemaVersion nor a mediaType nor layers")
        }
    }

    /// Its config and its layers.
    public var named: [Descriptor] { [config].compactMap(\.self) + layers }

    /// All that it names and that must be here before it, except blobs that are marked as elsewhere. Manifests that an
    /// index names may come later, or never.
    public var needed: [Descriptor] { named.filter { !$0.isElsewhere } }

    /// Its entry in a listing of its subject's referrers.
    public func referrer(_ name: BlobName, mediaType: String, in bytes: Span<UInt8>) throws(CakeError) -> JSONValue {
        var result = Descriptor(mediaType: mediaType, name: name, size: UInt64(bytes.count)).json
        if let type = artifactKind { result.append("artifactType", .string(type)) }
        if let annotations {
            let value = try JSONValue(parsing: bytes.extracting(annotations), repeatedKeys: .kept)
            if value != .null { result.append("annotations", value) }
        }
        return .object(result)
    }

    /// Its artifact type, and of an image without one the type of its config.
    public var artifactKind: String? { artifactType.flatMap { $0.isEmpty ? nil : $0 } ?? config?.mediaType }

    /// Whether it is a list with something in it.
    private static func namesAny(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) -> Bool {
        guard try scanner.kind(in: bytes) == .array else {
            try scanner.skipValue(in: bytes)
            return false
        }
        var count = 0
        try scanner.beginArray(in: bytes)
        while try scanner.nextElement(in: bytes) {
            count += 1
            try scanner.skipValue(in: bytes)
        }
        return count > 0
    }

    private static func descriptors(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError)
        -> [Descriptor]
    {
        guard try scanner.kind(in: bytes) != .null else {
            try scanner.null(in: bytes)
            return []
        }
        var found: [Descriptor] = []
        try scanner.beginArray(in: bytes)
        while try scanner.nextElement(in: bytes) { found.append(try descriptor(&scanner, in: bytes)) }
        return found
    }

    private static func descriptor(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) -> Descriptor
    {
        var (type, digest, size) = (nil as String?, nil as String?, nil as UInt64?)
        var isElsewhere = false
        try scanner.beginObject(in: bytes)
        while let key = try scanner.key(in: bytes) {
            switch key {
            case "mediaType" where type == nil: type = try scanner.string(in: bytes)
            case "digest" where digest == nil: digest = try scanner.string(in: bytes)
            case "size" where size == nil: size = try scanner.wholeNumber(in: bytes)
            case "mediaType", "digest", "size": throw scanner.refuse("\"\(key)\" is given twice", in: bytes)
            case "urls":
                isElsewhere = try RegistryManifest.namesAny(&scanner, in: bytes)
            default: try scanner.skipValue(in: bytes)
            }
        }
        guard let type, let digest, let size else {
            throw scanner.refuse("a descriptor lacks mediaType, digest or size", in: bytes)
        }
        guard let name = BlobName(digest) else {
            throw scanner.refuse(
                "\"\(Printable.escape(String(digest.prefix(80))))\" is not a sha256 or sha512 digest", in: bytes)
        }
        try ByteCount.checked(size, of: "blob \(name)")
        var descriptor = Descriptor(mediaType: type, name: name, size: size)
        descriptor.isElsewhere = isElsewhere
        return descriptor
    }
}
