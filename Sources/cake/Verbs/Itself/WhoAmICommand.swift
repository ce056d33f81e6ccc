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
        session.show(IdentitySummary(identity: identity, hub: hub, source: source))
    }
}
