import Model
import Network
import Platform
import Remote
import Transfer

extension Settings {
    func source(_ hub: HubRoutes, _ token: HubToken?) throws(CakeError) -> HubSource {
        HubSource(hub, token: token, client: try HTTPClient(http))
    }
}

extension Session {
    /// The Hub that is asked, as whom. `purpose` is what needs it: "cake pull".
    func hub(for purpose: String, token given: String? = nil) throws(CakeError) -> HubSource {
        try settings.needNetwork(for: purpose)
        return try settings.source(try settings.hub(), try settings.token(given))
    }

    /// What was typed as a name on the Hub; anything else is refused with what would take it.
    func hubReference(_ text: String) throws(CakeError) -> HubReference {
        let shown = Printable.escape(text)
        switch try settings.reference(text) {
        case .hub(let reference): return reference
        case .registry(let registry):
            throw CakeError(
                .usage, "\(shown) names the registry \(registry.host), and this needs a repository of the Hub",
                fix:
                    "for a repository of the Hub, write hf://org/name; cake pull, tags and inspect also take registries"
            )
        case .path:
            throw CakeError(.usage, "\(shown) is a path, not a repository of the Hub", fix: "cake import \(shown)")
        }
    }
}

extension WeightSelection {
    /// The files that are meant, with what the repository's own indexes say of them.
    func chosen(from snapshot: Snapshot, on source: HubSource) async throws -> Choice {
        var bytes: [FilePath: [UInt8]] = [:]
        for file in indexes(in: snapshot) {
            bytes[file.path] = try await source.bytes(of: file, in: snapshot, limit: 64 << 20)
        }
        let choice = try choose(from: snapshot, indexes: bytes)
        guard !choice.files.isEmpty else {
            throw CakeError(
                .notFound, "\(snapshot.repository) has no file that matches",
                fix: "cake ls-remote \(snapshot.repository.id) lists its files")
        }
        return choice
    }
}
