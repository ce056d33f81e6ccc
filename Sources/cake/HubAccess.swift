import Model
import Platform
import Transfer

extension Session {
    /// The Hub that is asked, as whom. `purpose` is what needs it: "cake pull".
    func hub(for purpose: String, token given: String? = nil) throws(CakeError) -> HubSource {
        try settings.needNetwork(for: purpose)
        let client = try HTTPClient(HTTPSettings(userAgent: "cake/\(CommandTable.version)"))
        let text = given ?? Settings.network["HF_TOKEN"]
        let token = try text.map { text throws(CakeError) in try HubToken(text) }
        return HubSource(try settings.hub(), token: token, client: client)
    }

    /// What was typed as a name on the Hub; anything else is refused with what would take it.
    func hubReference(_ text: String) throws(CakeError) -> HubReference {
        let shown = Printable.escape(text)
        switch try settings.reference(text) {
        case .hub(let reference): return reference
        case .registry(let registry):
            throw CakeError(
                .usage, "\(shown) names the registry \(registry.host), and cake does not speak to registries yet",
                fix: "for a repository of the Hub write hf://org/name")
        case .path:
            throw CakeError(.usage, "\(shown) is a path, and not on the Hub", fix: "write it like org/name")
        }
    }
}

extension Settings {
    fileprivate static var network: Environment {
        Environment(reading: ["HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
    }

    func hub() throws(CakeError) -> HubRoutes {
        try HubRoutes(endpoint: Settings.network["HF_ENDPOINT"] ?? HubRoutes.standardEndpoint)
    }

    func reference(_ text: String) throws(CakeError) -> Reference {
        try Reference(text, hub: try hub()) { (try? Disk.exists($0)) ?? false }
    }

    /// Refuses what needs the network when it was said that there is none.
    func needNetwork(for purpose: String) throws(CakeError) {
        let network = Settings.network
        let variable = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].first {
            ["1", "ON", "YES", "TRUE"].contains(network[$0]?.uppercased() ?? "")
        }
        guard let variable else { return }
        throw CakeError(.offline, "\(purpose) needs the network, and \(variable) is set", fix: "unset \(variable)")
    }
}
