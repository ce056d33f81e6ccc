import Model
import Platform
import Remote

struct WhoAmICommand: Verb {
    static let command = Command(
        Self.self, "whoami", for: .setUp, "show whose token is sent to the Hub",
        about: [
            "Uses HF_TOKEN, or else the token that cake login or hf auth login saved, and asks the Hub whose it is."
        ],
        examples: [
            .init("cake whoami", "the account, its organisations, and what the token allows"),
            .init("cake whoami --json", "for a script"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {}
}

extension WhoAmICommand {
    func run(in session: Session) async throws {
        let hub = try session.settings.hub()
        guard let token = try session.settings.token() else {
            throw CakeError(
                .notAuthorised, "not logged in to \(hub)", fix: "cake login, or set HF_TOKEN")
        }
        try session.settings.needNetwork(for: "asking whose token it is")
        let identity = try await session.settings.source(hub, token).identity()
        let source = session.settings.tokenVariable ?? session.settings.tokenPath ?? ""
        session.show(IdentitySummary(identity: identity, hub: hub, source: source))
    }
}
