import Model
import Platform

struct LoginCommand: Verb {
    let token: String?

    private static let tokenOption = Option.text(
        "token", "TOKEN", "the token; other people on this machine may see what is typed here")

    static let command = Command(
        Self.self, "login", for: .setUp, "save a token for gated and private models",
        about: [
            "Asks for the token without showing it, or reads it from standard input. The Hub is asked whose it is, and then "
                + "it is saved where hf has it, readable by you alone."
        ],
        options: [tokenOption.form],
        examples: [
            .init("cake login", "asks for the token"),
            .init("cake login < token.txt", "from a file"),
        ],
        whenInterrupted: "nothing was saved")

    init(_ arguments: Arguments) throws(CakeError) {
        token = try arguments.value(of: Self.tokenOption)
    }
}

extension LoginCommand {
    func run(in session: Session) async throws {
        let settings = session.settings
        let hub = try settings.hub()
        guard let path = settings.tokenPath else {
            throw CakeError(
                .usage, "there is no HOME, so cake does not know where to save a token",
                fix: "say where: HF_TOKEN_PATH=FILE, or give the token as HF_TOKEN instead of saving it")
        }
        guard let text = try await text(session, hub) else {
            throw CakeError(.usage, "no token was given", fix: "make one on \(hub.tokenPage)")
        }
        let token = try HubToken(text)
        var identity: HubIdentity?
        if settings.isOffline {
            session.reporter.note("offline: the token is saved without asking \(hub) whose it is")
        } else {
            identity = try await Identity.ask(hub, with: token, settings)
        }
        try Disk.replace(path, with: token.bytes, isPrivate: true)
        if settings.isJSON {
            session.show(["name": JSONValue(identity?.name), "path": JSONValue(path)])
        } else if !settings.isQuiet {
            let name = identity.map { " as " + Printable.escape($0.name) } ?? ""
            session.output.line("logged in to \(hub)\(name); the token is in \(Printable.escape(path))")
        }
        if let variable = settings.tokenVariable {
            session.reporter.note("\(variable) is set, and is sent instead of the saved token")
        }
    }

    private func text(_ session: Session, _ hub: HubRoutes) async throws -> String? {
        if let token { return token }
        guard session.terminal.isTerminal(.input) else { return try await session.input.line() }
        session.errors.write("Token from \(hub.tokenPage) (it is not shown): ")
        defer { session.errors.line("") }
        return try await session.input.secretLine()
    }
}
