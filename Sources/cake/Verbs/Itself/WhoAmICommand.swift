import Model
import Platform
import Remote

struct WhoAmICommand: Verb {
    static let command = Command(
        Self.self, "whoami", for: .setUp, "say whose token is sent to the Hub",
        about: [
            "The token comes from HF_TOKEN, else from what cake login or hf auth login saved. The Hub is asked whose it is."
        ],
        examples: [
            .init("cake whoami", "an account, its organisations, and what the token may do"),
            .init("cake whoami --json", "for a script"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {}
}

extension WhoAmICommand {
    func run(in session: Session) async throws {
        let hub = try session.settings.hub()
        guard let token = try session.settings.token() else {
            throw CakeError(
                .notAuthorised, "nobody is logged in to \(hub)", fix: "cake login, or HF_TOKEN in the environment")
        }
        try session.settings.needNetwork(for: "asking whose token it is")
        let identity = try await session.settings.source(hub, token).identity()
        let source = session.settings.tokenVariable ?? session.settings.tokenPath ?? ""
        if session.settings.isJSON {
            return session.show([
                "name": JSONValue(identity.name), "fullname": JSONValue(identity.fullName),
                "organisations": .array(identity.organisations.map { JSONValue($0) }),
                "token": JSONValue(identity.tokenName), "role": JSONValue(identity.role),
                "endpoint": JSONValue(hub.origin.description + hub.prefix), "from": JSONValue(source),
            ])
        }
        session.output.line(session.style.paint(Printable.escape(identity.name), .strong))
        guard !session.settings.isQuiet else { return }
        var lines: [String] = []
        if !identity.organisations.isEmpty { lines.append("in \(identity.organisations.joined(separator: ", "))") }
        let name = identity.tokenName.map { "token \"\($0)\"" } ?? "token"
        lines.append("\(name)\(identity.role.map { " (\($0))" } ?? "") from \(source)")
        lines.append("on \(hub)")
        for line in lines { session.output.line("  " + Printable.escape(line)) }
    }
}
