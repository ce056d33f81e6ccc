/// The meaning of an address under `/v2/`. Names are read from the end, because a repository may have a part called
/// `blobs`.
public enum RegistryRoute: Hashable, Sendable {
    case base
    case catalog
    case tags(RepositoryName)
    case blob(RepositoryName, BlobName)
    case uploads(RepositoryName)
    case upload(RepositoryName, UploadName)
    case manifest(RepositoryName, ManifestName)
    case referrers(RepositoryName, BlobName)

    /// Nil for an address that the registry does not have. Throws if the address is invalid.
    public init?(_ parts: [String]) throws(RegistryError) {
        guard parts.first == "v2" else { return nil }
        let rest = parts.dropFirst()
        if rest.isEmpty || rest.elementsEqual([""]) {
            self = .base
            return
        }
        if rest.elementsEqual(["_catalog"]) {
            self = .catalog
            return
        }
        guard rest.count >= 3, let last = rest.last else { return nil }
        let (before, head) = (rest[rest.endIndex - 2], rest.dropLast(2))
        switch before {
        case "uploads" where head.last == "blobs" && head.count >= 2:
            let name = try RegistryRoute.name(head.dropLast())
            if last.isEmpty {
                self = .uploads(name)
            } else if let upload = UploadName(last) {
                self = .upload(name, upload)
            } else {
                throw RegistryError(404, .blobUploadUnknown, "there is no such upload", detail: last)
            }
        case "blobs" where last == "uploads": self = .uploads(try RegistryRoute.name(head))
        case "blobs": self = .blob(try RegistryRoute.name(head), try RegistryRoute.digest(last))
        case "manifests":
            let name = try RegistryRoute.name(head)
            self = .manifest(
                name, last.utf8.contains(UInt8(ascii: ":")) ? .digest(try RegistryRoute.digest(last)) : .init(last))
        case "referrers": self = .referrers(try RegistryRoute.name(head), try RegistryRoute.digest(last))
        case "tags" where last == "list": self = .tags(try RegistryRoute.name(head))
        default: return nil
        }
    }

    public static func digest(_ text: String) throws(RegistryError) -> BlobName {
        if let name = BlobName(text) { return name }
        throw RegistryError(
            400, .digestInvalid, "a digest here is sha256: and 64 lower-case hex digits, or sha512: and 128",
            detail: text)
    }

    private static func name(_ parts: ArraySlice<String>) throws(RegistryError) -> RepositoryName {
        let text = parts.joined(separator: "/")
        if let name = RepositoryName(text) { return name }
        throw RegistryError(
            400, .nameInvalid,
            "a repository's name has at most \(RepositoryName.maximumLength) lower-case letters and digits, with single . _ or - between them",
            detail: text)
    }
}

/// The tag or digest by which a manifest is requested.
public enum ManifestName: Hashable, Sendable {
    case digest(BlobName)
    case tag(TagName)
    /// No manifest has such a name or can get it.
    case none(String)

    init(_ text: String) { self = TagName(text).map { .tag($0) } ?? .none(text) }

    public var text: String {
        switch self {
        case .digest(let name): name.description
        case .tag(let tag): tag.text
        case .none(let text): text
        }
    }
}

/// An upload under way: 128 random bits that cannot be guessed.
public struct UploadName: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    public init?(_ text: String) {
        guard text.utf8.count == 32,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.text = text
    }

    public init(using random: inout some RandomNumberGenerator) {
        let (first, second) = (random.next() as UInt64, random.next() as UInt64)
        text = String(Digest(words: (first, second, 0, 0)).hex.prefix(32))
    }

    public var description: String { text }
}
