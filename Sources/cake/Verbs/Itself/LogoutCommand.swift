import Model
import Platform
import Remote

struct LogoutCommand: Verb {
    /// A registry; nil for the Hub.
    let host: String?

    private static let hostWord = Positional("HOST", .optional, .nothing, "a registry, such as ghcr.io")

    static let command = Command(
        Self.self, "logout", for: .setUp, "delete the saved token, or the password of a registry",
        about: ["The token itself stays valid; revoke it in the settings of the Hub."],
        positionals: [hostWord],
        examples: [
            .init("cake logout", "delete the token of the Hub"),
            .init("cake logout ghcr.io", "delete the password of a registry"),
        ])

    init(_ arguments: Arguments) throws(CakeError) { host = arguments.words(Self.hostWord).first }
}

extension LogoutCommand {
    func run(in session: Session) async throws {
        let settings = session.settings
        if let host { return try forget(host, session) }
        let path = settings.tokenPath
        let isThere = try path.map { path throws(CakeError) in try Disk.exists(path) } ?? false
        if isThere, let path { try Disk.remove(path) }
        session.show(LogoutSummary(kept: .token(path: path), wasThere: isThere))
        if let variable = settings.tokenVariable {
            session.reporter.note("\(variable) is set, and is sent all the same")
        }
    }

    private func forget(_ typed: String, _ session: Session) throws(CakeError) {
        let settings = session.settings
        let (place, path) = try session.loginPlace(typed)
        let host = place.host
        let credentials = settings.registryCredentials
        let wasKept = try credentials.forget(host, path)
        session.show(LogoutSummary(kept: .login(host: host), wasThere: wasKept))
        for file in try credentials.others(with: host) {
            session.reporter.note(
                "\(Printable.escape(file)) has a login for \(host), and cake still uses it: podman logout \(host) removes it"
            )
        }
    }
}
