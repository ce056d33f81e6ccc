/// docker's config.json or podman's auth.json: logins of registries, and the programs that store others. All other
/// content of the file is kept.
public struct LoginFile: Sendable {
    public static let maximumSize = 1 << 20
    /// Under which docker keeps the login of its own registry.
    public static let dockerHub = "https://index.docker.io/v1/"

    private var document: JSONObject

    public init() { document = JSONObject() }

    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        guard let object = try JSONValue(parsing: bytes, repeatedKeys: .kept).object else {
            throw CakeError(.damaged, "it is not a JSON object")
        }
        document = object
    }

    public var bytes: [UInt8] { JSONValue.object(document).bytes(.indented) + [lineFeed] }

    /// The name of the program that keeps a registry's login: `docker-credential-NAME`.
    public func helper(for host: String) -> String? {
        let own = document["credHelpers"]?.object?.members.last { LoginFile.host(of: $0.key) == host }?.value.string
        let name = own ?? document["credsStore"]?.string
        // It becomes the name of a program.
        return name.flatMap { $0.isEmpty || !$0.utf8.allSatisfy(LoginFile.isPlain) ? nil : $0 }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }

    /// The login in the file: for the longest path that contains the repository, else for its host.
    public func login(for host: String, _ repository: String? = nil) -> RegistryLogin? {
        let all = document["auths"]?.object?.members ?? []
        var path = repository.map { "\(host)/\($0)" }
        while let wanted = path {
            if let entry = all.last(where: { $0.key == wanted })?.value, let login = LoginFile.login(entry) {
                return login
            }
            path = wanted.lastIndex(of: "/").map { String(wanted[..<$0]) }
        }
        return all.last { LoginFile.host(of: $0.key) == host }.flatMap { LoginFile.login($0.value) }
    }

    private static func login(_ entry: JSONValue) -> RegistryLogin? {
        if let token = text(entry, "registrytoken") { return RegistryLogin(.token(token)) }
        if let token = text(entry, "identitytoken") { return RegistryLogin(.identity(token)) }
        guard let auth = text(entry, "auth"), let bytes = Base64.decode(auth),
            let pair = String(validating: bytes, as: UTF8.self), let colon = pair.firstIndex(of: ":")
        else { return nil }
        return try? RegistryLogin(user: String(pair[..<colon]), password: String(pair[pair.index(after: colon)...]))
    }

    private static func text(_ entry: JSONValue, _ key: String) -> String? {
        // Other characters could end a header line.
        entry[key]?.string.flatMap { text in
            text.isEmpty || !text.utf8.allSatisfy { (0x21...0x7e).contains($0) } ? nil : text
        }
    }

    /// The answer of a helper: the name `<token>` marks an identity token, which is exchanged for others.
    public static func login(fromHelper bytes: Span<UInt8>) throws(CakeError) -> RegistryLogin? {
        let document = try JSONValue(parsing: bytes, repeatedKeys: .kept)
        guard let user = document["Username"]?.string, let secret = document["Secret"]?.string, !secret.isEmpty else {
            return nil
        }
        return user == "<token>" ? RegistryLogin(.identity(secret)) : try RegistryLogin(user: user, password: secret)
    }

    public mutating func keep(_ login: RegistryLogin, for host: String) {
        guard case .password(let user, let password) = login.secret else { return }
        let entry: JSONValue = ["auth": .string(Base64.encode("\(user):\(password)".utf8))]
        var auths = others(than: host)
        auths.append(LoginFile.key(for: host), entry)
        set("auths", .object(auths))
    }

    /// False if there is none. `isPath`: only the login for this path.
    public mutating func forget(_ host: String, isPath: Bool = false) -> Bool {
        let all = document["auths"]?.object?.members ?? []
        let auths = isPath ? JSONObject(all.filter { $0.key != host }) : others(than: host)
        guard auths.members.count < all.count else { return false }
        set("auths", .object(auths))
        return true
    }

    private func others(than host: String) -> JSONObject {
        JSONObject((document["auths"]?.object?.members ?? []).filter { LoginFile.host(of: $0.key) != host })
    }

    private mutating func set(_ key: String, _ value: JSONValue) {
        var members = document.members.filter { $0.key != key }
        members.append(.init(key: key, value: value))
        document = JSONObject(members)
    }

    /// As the helpers and docker call a registry.
    public static func key(for host: String) -> String { host == "docker.io" ? dockerHub : host }

    /// Keys are hosts, or addresses with a scheme and a path. A path without a scheme is podman's, and covers only what
    /// is below it.
    private static func host(of key: String) -> String? {
        if key == dockerHub || key == "index.docker.io" { return "docker.io" }
        guard let (_, rest) = ReferenceReader.split(key, at: "://") else {
            return key.contains("/") ? nil : key.lowercased()
        }
        return rest.prefix { $0 != "/" }.lowercased()
    }
}
