public import Model
internal import Platform

/// The logins that docker, podman and `cake login` saved on this machine, and the programs that store some.
public struct RegistryCredentials: Sendable {
    /// Looked into in this order.
    public let files: [String]
    /// Where a login is kept.
    public let own: String?
    /// Overrides all of them, for its host.
    private let given: RegistryLogin?

    public init(files: [String], own: String?, given: RegistryLogin? = nil) {
        self.files = files
        self.own = own
        self.given = given
    }

    public func with(_ login: RegistryLogin?) -> RegistryCredentials {
        RegistryCredentials(files: files, own: own, given: login ?? given)
    }

    /// Nil for a request without a login.
    func login(for host: String, _ repository: String?) throws(CakeError) -> RegistryLogin? {
        if let given { return given }
        for path in files {
            guard let file = try RegistryCredentials.read(path) else { continue }
            if let helper = file.helper(for: host) {
                let result = try Helper(name: helper).ask("get", Array(LoginFile.key(for: host).utf8))
                // The helper reports a missing login by its status.
                if result.status == 0 {
                    do throws(CakeError) {
                        if let login = try LoginFile.login(fromHelper: result.output.span) { return login }
                    } catch { throw error.at("docker-credential-\(helper)") }
                }
            }
            if let login = file.login(for: host, repository) { return login }
        }
        return nil
    }

    private static func read(_ path: String) throws(CakeError) -> LoginFile? {
        let bytes: [UInt8]
        do {
            bytes = try Disk.read(path, limit: LoginFile.maximumSize)
        } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
        do {
            return try LoginFile(parsing: bytes.span)
        } catch { throw error.at(Printable.escape(path)) }
    }

    /// Where the login went: a path, or the program that has it now.
    public func keep(_ login: RegistryLogin, for host: String) throws(CakeError) -> String {
        guard let own else { throw RegistryCredentials.homeless }
        var file = try RegistryCredentials.read(own) ?? LoginFile()
        guard let helper = file.helper(for: host), case .password(let user, let password) = login.secret else {
            file.keep(login, for: host)
            try Disk.replace(own, with: file.bytes, isPrivate: true)
            return own
        }
        let document: JSONValue = [
            "ServerURL": .string(LoginFile.key(for: host)), "Username": .string(user), "Secret": .string(password),
        ]
        let status = try Helper(name: helper).ask("store", document.bytes(.compact)).status
        guard status == 0 else {
            throw CakeError(
                .failed, "docker-credential-\(helper) did not save the login: it ended with status \(status)",
                fix: "remove it from \(Printable.escape(own)), or repair it")
        }
        return "docker-credential-" + helper
    }

    /// Files of other programs that have a login for the host.
    public func others(with host: String) throws(CakeError) -> [String] {
        var found: [String] = []
        for path in files where path != own {
            if let file = try RegistryCredentials.read(path), file.login(for: host) != nil { found.append(path) }
        }
        return found
    }

    /// For a host, or for a path there as podman keeps it. False if there is none.
    public func forget(_ host: String, _ path: String? = nil) throws(CakeError) -> Bool {
        guard let own else { throw RegistryCredentials.homeless }
        guard var file = try RegistryCredentials.read(own) else { return false }
        if let path, file.forget("\(host)/\(path)", isPath: true) {
            try Disk.replace(own, with: file.bytes, isPrivate: true)
            return true
        }
        var hadOne = false
        if let helper = file.helper(for: host) {
            hadOne = try Helper(name: helper).ask("erase", Array(LoginFile.key(for: host).utf8)).status == 0
        }
        guard file.forget(host) else { return hadOne }
        try Disk.replace(own, with: file.bytes, isPrivate: true)
        return true
    }

    private static let homeless = CakeError(
        .usage, "HOME is not set, and cake does not know where logins are stored",
        fix: "set DOCKER_CONFIG=FOLDER in the environment")

    /// A program that keeps passwords.
    private struct Helper {
        let name: String
        private static let limit = 64 << 10
        /// A person may have to unlock something.
        private static let seconds = 60

        func ask(_ verb: String, _ input: [UInt8]) throws(CakeError) -> Program.Result {
            let program = "docker-credential-" + name
            do {
                return try Program.run(
                    program, [verb], input: input, limit: Helper.limit, seconds: Helper.seconds)
            } catch {
                guard error.kind == .notFound else { throw error }
                throw CakeError(
                    .failed, "\(program) stores the login, and is not installed",
                    fix: "install it, or remove it from docker's config.json")
            }
        }
    }
}
