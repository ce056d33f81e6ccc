import Model
import Platform
import Store
import Transfer

/// What verbs that speak to registries have in common.
enum RegistryOptions {
    static let plainHTTP = Flag("plain-http", "speak to the registry without encryption, on another machine too")
}

/// Which registry is asked, and whether it was written with `https://`.
struct RegistryPlace {
    let host: String
    let speaksTLS: Bool
}

extension Settings {
    /// Where docker and podman keep logins, podman's first, as its family looks.
    var registryCredentials: RegistryCredentials {
        var files: [String] = []
        if let file = environment["REGISTRY_AUTH_FILE"] { files.append(file) }
        if let folder = environment["XDG_RUNTIME_DIR"] { files.append(folder + "/containers/auth.json") }
        if let folder = environment["XDG_CONFIG_HOME"] ?? environment["HOME"].map({ $0 + "/.config" }) {
            files.append(folder + "/containers/auth.json")
        }
        let own = (environment["DOCKER_CONFIG"] ?? environment["HOME"].map { $0 + "/.docker" }).map {
            $0 + "/config.json"
        }
        return RegistryCredentials(files: files + (own.map { [$0] } ?? []), own: own)
    }
}

extension Session {
    /// A registry that is asked. `purpose` is what needs it: "cake push".
    func registry(
        _ place: RegistryPlace, for purpose: String, plainHTTP: Bool, login: RegistryLogin? = nil
    ) throws(CakeError) -> RegistryClient {
        try settings.needNetwork(for: purpose)
        let routes = try RegistryRoutes(host: place.host, allowsPlainHTTP: plainHTTP, speaksTLS: place.speaksTLS)
        return RegistryClient(
            routes, as: settings.registryCredentials.with(login), client: try HTTPClient(settings.http))
    }

    func registry(
        _ reference: RegistryReference, for purpose: String, plainHTTP: Bool
    ) throws(CakeError) -> RegistryClient {
        let place = RegistryPlace(host: reference.host, speaksTLS: reference.speaksTLS)
        return try registry(place, for: purpose, plainHTTP: plainHTTP)
    }

    /// What was typed as a name in a registry; anything else is refused with what would take it.
    func registryReference(_ text: String) throws(CakeError) -> RegistryReference {
        if case .registry(let reference) = try settings.reference(text) { return reference }
        throw CakeError(
            .usage, "\(Printable.escape(text)) names no registry",
            fix: "write it like registry.local:5000/team/model:v1")
    }

    /// A registry alone: `registry.local:5000`, `localhost`, `ghcr.io/`, `oci://ghcr.io`, `https://localhost:5000`.
    func registryPlace(_ text: String) -> RegistryPlace? {
        let speaksTLS = (try? WebURL(text))?.isRegistryOfThisMachine(beside: try? settings.hub()) == true
        let hasScheme = text.utf8.starts(with: "oci://".utf8) || speaksTLS
        var host = hasScheme ? String(text.dropFirst(speaksTLS ? 8 : 6)) : text
        let hasSlash = host.utf8.last == UInt8(ascii: "/")
        if hasSlash { host.removeLast() }
        guard !host.isEmpty, !host.contains("/"), !host.contains("@") else { return nil }
        guard hasScheme || hasSlash || host.contains(":") || host == "localhost" else { return nil }
        return (try? RegistryRoutes(host: host)) == nil ? nil : RegistryPlace(host: host, speaksTLS: speaksTLS)
    }
}
