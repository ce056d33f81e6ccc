import Model
import Platform
import Remote

struct LoginCommand: Verb {
    let token: String?
    /// A registry; nil for the Hub.
    let host: String?
    let user: String?
    let readsPassword: Bool
    let plainHTTP: Bool

    private static let tokenOption = Option.text(
        "token", "TOKEN", "the token; other users of this machine can see it in the list of processes")

    private static let hostWord = Positional("HOST", .optional, .nothing, "a registry, such as ghcr.io")
    private static let userOption = Option.text("username", short: "u", "NAME", "the user name for the registry")
    private static let passwordFlag = Flag("password-stdin", "read the registry's password from standard input")

    static let command = Command(
        Self.self, "login", for: .setUp, "save a token for the Hub, or the password of a registry",
        about: [
            "Without HOST, asks for a token of the Hub without showing it, or reads it from standard input. Checks with the Hub "
                + "whose token it is, then saves it where hf does, readable only by you.",
            "With HOST, asks for a user name and a password for that registry, tries them, and saves them where docker does: "
                + "in its config.json, or with the credential helper named there.",
        ],
        positionals: [hostWord],
        options: [tokenOption.form, userOption.form, passwordFlag.form, RegistryOptions.plainHTTP.form],
        examples: [
            .init("cake login", "ask for the token"),
            .init("cake login < token.txt", "read it from a file"),
            .init("cake login ghcr.io", "log in to a registry"),
            .init("cake login ghcr.io -u me --password-stdin < password.txt", "the same, in a script"),
        ],
        whenInterrupted: "nothing was saved")

    init(_ arguments: Arguments) throws(CakeError) {
        token = try arguments.value(of: Self.tokenOption)
        host = arguments.words(Self.hostWord).first
        user = try arguments.value(of: Self.userOption)
        readsPassword = arguments.has(Self.passwordFlag)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
        guard host == nil else {
            guard token == nil else {
                throw CakeError(
                    .usage, "--token is for the Hub, and \(host ?? "") is a registry",
                    fix: "cake login \(host ?? "HOST") --username NAME --password-stdin")
            }
            return
        }
        guard user == nil, !readsPassword else {
            throw CakeError(
                .usage, "a user name and a password are for a registry, and no HOST was given",
                fix: "cake login HOST --username NAME")
        }
    }
}

extension LoginCommand {
    func run(in session: Session) async throws {
        let settings = session.settings
        if let host { return try await login(to: host, session) }
        let hub = try settings.hub()
        guard let path = settings.tokenPath else {
            throw CakeError(
                .usage, "HOME is not set, so cake does not know where to save a token",
                fix: "say where: HF_TOKEN_PATH=FILE, or give the token as HF_TOKEN instead of saving it")
        }
        guard let text = try await text(session, hub) else {
            throw CakeError(.usage, "no token was given", fix: "create a token on \(hub.tokenPage)")
        }
        let token = try HubToken(text)
        var identity: HubIdentity?
        if settings.isOffline {
            session.reporter.note("offline: the token is saved without asking \(hub) whose it is")
        } else {
            identity = try await settings.source(hub, token).identity()
        }
        try Disk.replace(path, with: token.bytes, isPrivate: true)
        session.show(LoginSummary(hub: hub, identity: identity, path: path))
        if let variable = settings.tokenVariable {
            session.reporter.note("\(variable) is set, and is sent instead of the saved token")
        }
    }

    /// Tried before it is kept: a login that nobody takes is worth nothing.
    private func login(to text: String, _ session: Session) async throws {
        let registry = try session.loginPlace(text).place
        let host = registry.host
        let isPerson = session.terminal.isTerminal(.input)
        var name = user
        if name == nil, isPerson, !readsPassword {
            session.errors.write("User at \(host): ")
            name = try await session.input.line()
        }
        guard let name else {
            throw CakeError(
                .usage, "the user name is missing", fix: "cake login \(text) --username NAME --password-stdin")
        }
        guard isPerson || readsPassword else {
            throw CakeError(
                .usage, "there is no terminal to ask for the password", fix: "send the password to --password-stdin")
        }
        if isPerson { session.errors.write("Password (not shown): ") }
        let password = try await session.input.secretLine()
        if isPerson { session.errors.line("") }
        let login = try RegistryLogin(user: name, password: password ?? "")
        let client = try session.registry(registry, for: "cake login", plainHTTP: plainHTTP, login: login)
        try await client.check()
        let place = try session.settings.registryCredentials.keep(login, for: host)
        session.show(RegistryLoginSummary(host: host, user: name, place: place))
    }

    private func text(_ session: Session, _ hub: HubRoutes) async throws -> String? {
        if let token { return token }
        guard session.terminal.isTerminal(.input) else { return try await session.input.line() }
        session.errors.write("Token from \(hub.tokenPage) (it is not shown): ")
        defer { session.errors.line("") }
        return try await session.input.secretLine()
    }
}
