import Model
import Remote
import Store
import Transfer

/// The options of a mount whose models are downloaded as they are read.
struct LazyOptions: Sendable {
    /// Nil for the Hub and the registries that the names say.
    let upstream: String?
    let checksFirst: Bool
    let patience: Duration
    let plainHTTP: Bool

    private static let lazy = Flag("lazy", "models that are not here: download what programs read of them")
    private static let upstreamOption = Option.text(
        "upstream", "URL", "with --lazy: the Hub, mirror or registry (oci://host/path) to ask for the names")
    private static let verified = Flag(
        "verified", "with --lazy: download and check a whole file before a program gets any of it")
    private static let patienceOption = Option.duration(
        "patience", "with --lazy: how long a read may wait for its bytes before it fails (default 60s)")

    static let forms = [
        lazy.form, upstreamOption.form, verified.form, patienceOption.form, RegistryOptions.plainHTTP.form,
    ]

    static let standardPatience = Duration.seconds(60)

    /// Nil without `--lazy`.
    init?(_ arguments: Arguments, names: [String]) throws(CakeError) {
        upstream = try arguments.value(of: Self.upstreamOption)
        checksFirst = arguments.has(Self.verified)
        let patience = try arguments.value(of: Self.patienceOption)
        self.patience = patience ?? Self.standardPatience
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
        guard arguments.has(Self.lazy) else {
            guard upstream == nil, !checksFirst, patience == nil, !plainHTTP else {
                throw CakeError(
                    .usage, "--upstream, --verified, --patience and --plain-http are for models that are not here",
                    fix: "add --lazy")
            }
            return nil
        }
        guard !names.isEmpty else {
            throw CakeError(
                .usage, "--lazy needs the names of the models: a Hub has too many to show all",
                fix: "cake mount DIR --lazy org/name")
        }
        guard self.patience > .zero else {
            throw CakeError(.usage, "--patience is too short", fix: "write 1s or more")
        }
    }
}

extension LazyOptions {
    /// The model that a word names; nil for one of the store, or a pattern.
    func model(_ word: String, among shared: LazyFiles, in session: Session) async throws -> LazyModel? {
        if word.utf8.contains(UInt8(ascii: "*")) || upstream == nil && session.has(word) { return nil }
        switch try place(of: word, in: session) {
        case .hub(let reference, let source):
            try refuseUnchecked(ModelName(reference.storeName), from: reference.repository.description, in: session)
            var options = Pull.Options()
            options.usesXet = !session.settings.disablesXet
            if let cache = session.settings.huggingFaceCache { options.caches = [cache] }
            let snapshot = try await source.snapshot(of: reference)
            let words = "cake pull \(reference.storeName)"
            return try .hub(
                snapshot, from: source, as: ModelName(reference.storeName), among: shared, checksFirst: checksFirst,
                pull: upstream.map { "HF_ENDPOINT=\(Printable.escape($0)) \(words)" } ?? words, options)
        case .registry(let reference, let name):
            try refuseUnchecked(name, from: reference.place, in: session)
            let client = try session.registry(reference, for: "cake mount --lazy", plainHTTP: plainHTTP)
            let remote = try await RemoteArtifact(reference.manifest, in: RemoteRepository(reference, client))
            let words = "cake pull \(reference.storeName)"
            return try .registry(
                remote, as: name, from: reference.place, revision: reference.tag,
                among: shared, pull: name.string == reference.storeName ? words : "\(words) --as \(name)",
                RegistryPull.Options())
        }
    }

    private func refuseUnchecked(_ name: ModelName, from source: String, in session: Session) throws(CakeError) {
        try session.settings.signatureGate().refuseUnchecked(name, from: source, "cake does not mount lazily")
    }

    private enum Place {
        case hub(HubReference, HubSource)
        /// And its name in the mount.
        case registry(RegistryReference, ModelName)
    }

    private func place(of word: String, in session: Session) throws(CakeError) -> Place {
        let purpose = "cake mount --lazy"
        guard let upstream else {
            if case .registry(let reference) = try session.settings.reference(word) {
                return .registry(reference, try ModelName(reference.storeName))
            }
            return .hub(try session.hubReference(word), try session.hub(for: purpose))
        }
        let (scheme, _) = RegistryPlace.split(upstream)
        if scheme == "oci" || scheme == "oci+https" {
            let slash = upstream.utf8.last == UInt8(ascii: "/") ? "" : "/"
            let parts = word.split(separator: ":", maxSplits: 1)
            let name = try ModelName(parts.joined(separator: "@"))
            return .registry(try session.registryReference(upstream + slash + word), name)
        }
        try session.settings.needNetwork(for: purpose)
        // The token is for the Hub that it came from.
        let routes = try HubRoutes(endpoint: upstream, calledAs: "--upstream")
        return .hub(try session.hubReference(word), try session.settings.source(routes, nil))
    }
}
