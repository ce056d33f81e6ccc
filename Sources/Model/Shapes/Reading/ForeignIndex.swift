/// A list of manifests, one for each platform.
public struct ForeignIndex: Sendable {
    private let manifests: [Descriptor]
    private let platforms: [ManifestNotes.Platform?]

    /// Nil for a manifest that is no list.
    public init?(_ manifest: RegistryManifest, in bytes: Span<UInt8>) throws(CakeError) {
        let isNamedSo = ForeignIndex.types.contains(manifest.mediaType ?? "")
        guard isNamedSo || !manifest.manifests.isEmpty else { return nil }
        guard manifest.config == nil, manifest.layers.isEmpty else {
            throw CakeError(.damaged, "the registry's manifest is a list of manifests, and has layers too")
        }
        manifests = manifest.manifests
        platforms = try ManifestNotes(parsing: bytes).platforms
    }

    #if arch(arm64)
        public static let ownArchitecture = "arm64"
    #else
        public static let ownArchitecture = "amd64"
    #endif

    public static let types = [RegistryManifest.index, "application/vnd.docker.distribution.manifest.list.v2+json"]

    /// The one for Linux on this machine, else the only one. Statements about other entries are left out.
    public func chosen(for architecture: String = ForeignIndex.ownArchitecture) throws(CakeError) -> Descriptor {
        let all = zip(manifests, platforms + Array(repeating: nil, count: manifests.count)).filter { entry in
            entry.1.map { $0.os != "unknown" && $0.architecture != "unknown" } ?? true
        }
        if let fitting = all.first(where: { $0.1 == ManifestNotes.Platform(os: "linux", architecture: architecture) }) {
            return fitting.0
        }
        if let first = all.first?.0, all.allSatisfy({ $0.0.name == first.name }) { return first }
        let names = all.prefix(8).map { entry in
            entry.1.map { Printable.escape("\($0.os)/\($0.architecture)") } ?? "no platform"
        }
        throw CakeError(
            .notFound,
            all.isEmpty
                ? "the registry's manifest is a list without a model"
                : "the registry has it for \(names.joined(separator: ", ")), and not for linux/\(architecture)",
            fix: all.isEmpty ? nil : "name one by its digest: cake pull HOST/PATH@sha256:DIGEST")
    }
}
