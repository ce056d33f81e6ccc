import Model
import Network
import Platform
import Remote
import Store
import Transfer

/// What verbs that speak to registries have in common.
enum RegistryOptions {
    static let plainHTTP = Flag("plain-http", "allow HTTP without TLS for a registry on another machine")
    static let endpoint = Option.text(
        "s3-endpoint", "URL", "for s3:// names: the server, if it is not Amazon's; else AWS_ENDPOINT_URL names it")
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

extension Settings {
    /// What a pull calls a model of a registry, where the registry was typed as an address: `https://localhost:5000/m`,
    /// `oci://ghcr.io/me/m:v1`. Nil for everything else.
    func pulledName(_ typed: String) -> String? { stores.pulledName(typed) }

    /// The same of a pattern for names.
    func pulledPattern(_ typed: String) -> String {
        let (scheme, rest) = RegistryPlace.split(typed)
        return pulledName(typed) ?? (["https", "oci", "oci+https"].contains(scheme) ? rest : typed)
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
        _ reference: RegistryReference, for purpose: String, plainHTTP: Bool, endpoint: String? = nil
    ) throws(CakeError) -> RegistryClient {
        if let bucket = reference.bucket { return try registry(inBucket: bucket, for: purpose, endpoint: endpoint) }
        if endpoint != nil {
            throw CakeError(
                .usage, "--s3-endpoint is for names in a bucket, and \(reference.storeName) is in a registry",
                fix: "write s3://BUCKET/\(reference.path), or leave out --s3-endpoint")
        }
        let place = RegistryPlace(host: reference.host, speaksTLS: reference.speaksTLS)
        return try registry(place, for: purpose, plainHTTP: plainHTTP)
    }

    func registry(
        inBucket bucket: String, for purpose: String, endpoint: String?
    ) throws(CakeError) -> RegistryClient {
        try settings.needNetwork(for: purpose)
        let client = S3Client(
            try S3Settings(settings.environment, endpoint: endpoint), client: try HTTPClient(settings.http))
        return RegistryClient(bucket: bucket, client)
    }

    /// What was typed as a name in a registry; anything else is refused with what would take it.
    func registryReference(_ text: String) throws(CakeError) -> RegistryReference {
        if case .registry(let reference) = try settings.reference(text) { return reference }
        throw CakeError(
            .usage, "\(Printable.escape(text)) is not a place in a registry",
            fix: "write it like registry.local:5000/team/model:v1")
    }

    /// A registry alone: `registry.local:5000`, `localhost`, `ghcr.io/`, `oci://ghcr.io`, `https://localhost:5000`.
    func registryPlace(_ text: String) -> RegistryPlace? {
        let speaksTLS = (try? WebURL(text))?.isRegistryOfThisMachine(beside: try? settings.hub()) == true
        let (scheme, rest) = RegistryPlace.split(text)
        guard scheme == nil || scheme == "oci" || scheme == "oci+https" || speaksTLS else { return nil }
        var host = rest
        let hasSlash = host.utf8.last == UInt8(ascii: "/")
        if hasSlash { host.removeLast() }
        guard !host.isEmpty, !host.contains("/"), !host.contains("@") else { return nil }
        guard scheme != nil || hasSlash || host.contains(":") || host == "localhost" else { return nil }
        return RegistryPlace(host, speaksTLS: speaksTLS || scheme == "oci+https")
    }

    /// A registry for which a login is kept, in whatever way its address is written: with a scheme, a path, in upper case.
    func loginPlace(_ text: String) throws(CakeError) -> (place: RegistryPlace, path: String?) {
        let (scheme, rest) = RegistryPlace.split(text)
        let authority = String(rest.prefix { $0 != "/" })
        var path: String? = String(rest.dropFirst(authority.utf8.count).drop { $0 == "/" })
        while path?.utf8.last == UInt8(ascii: "/") { path?.removeLast() }
        let isKnown = [nil, "http", "https", "oci", "oci+https"].contains(scheme)
        guard isKnown, !authority.contains("@"),
            let place = RegistryPlace(authority, speaksTLS: scheme == "https" || scheme == "oci+https")
        else {
            throw CakeError(
                .usage, "\(Printable.escape(text)) is not the host of a registry",
                fix: "write it like ghcr.io or localhost:5111")
        }
        if path?.isEmpty == true || scheme != nil { path = nil }
        return (place, path)
    }
}

extension RegistryPlace {
    /// Nil for what can be no host. A host is kept and compared in lower case.
    init?(_ host: String, speaksTLS: Bool) {
        let host = host.lowercased()
        guard let routes = try? RegistryRoutes(host: host, speaksTLS: speaksTLS) else { return nil }
        self.host = routes.host
        self.speaksTLS = speaksTLS
    }

    /// What stands before `://`, in lower case, and what follows.
    static func split(_ text: String) -> (scheme: String?, rest: String) {
        let bytes = Array(text.utf8)
        guard let mark = bytes.firstRange(of: Array("://".utf8)) else { return (nil, text) }
        return (
            String(decoding: bytes[..<mark.lowerBound], as: UTF8.self).lowercased(),
            String(decoding: bytes[mark.upperBound...], as: UTF8.self)
        )
    }
}
