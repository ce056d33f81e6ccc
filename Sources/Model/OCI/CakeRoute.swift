/// The requests that cake's registry answers beside the specification, under `/v2/_cake/`: docs/openapi.yaml. Clients
/// work without them.
public enum CakeRoute: Hashable, Sendable {
    /// Which of these layers are here.
    case has
    /// A layer as an object without a base.
    case layer(Digest)
    /// The models that have a layer.
    case models(Digest)
    case difference
    case search
    /// Where a Hub's repository is at a commit.
    case published

    /// The header in answers about a Hub's repository that tells clients that these requests are possible.
    public static let sign = "X-Cake-Registry"

    /// For the documentation, in which braces mark a part that varies.
    public static let paths = [
        "/v2/_cake/has", "/v2/_cake/layers/{digest}", "/v2/_cake/layers/{digest}/models", "/v2/_cake/difference",
        "/v2/_cake/search", "/v2/_cake/published",
    ]

    /// Nil for another address. Throws if the address is one of these and invalid.
    public init?(_ parts: [String]) throws(RegistryError) {
        guard parts.starts(with: ["v2", "_cake"]) else { return nil }
        let rest = Array(parts.dropFirst(2))
        switch (rest.first, rest.count) {
        case ("has", 1): self = .has
        case ("difference", 1): self = .difference
        case ("search", 1): self = .search
        case ("published", 1): self = .published
        case ("layers", 2): self = .layer(try CakeRoute.digest(rest[1]))
        case ("layers", 3) where rest[2] == "models": self = .models(try CakeRoute.digest(rest[1]))
        default: return nil
        }
    }

    private static func digest(_ text: String) throws(RegistryError) -> Digest {
        if let digest = try RegistryRoute.digest(text).sha256 { return digest }
        throw RegistryError(400, .digestInvalid, "a layer is named by its SHA-256", detail: text)
    }
}
