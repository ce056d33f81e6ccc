import Model
import Platform

struct LogoutCommand: Verb {
    static let command = Command(
        Self.self, "logout", for: .setUp, "remove the saved token",
        about: ["The token stays valid: only this machine forgets it. The Hub's settings are where one is revoked."],
        examples: [.init("cake logout", "forget the token")])

    init(_ arguments: Arguments) throws(CakeError) {}
}

extension LogoutCommand {
    func run(in session: Session) async throws {
        let settings = session.settings
        if let path = settings.tokenPath, try Disk.exists(path) {
            try Disk.remove(path)
            if !settings.isQuiet, !settings.isJSON { session.output.line("removed \(Printable.escape(path))") }
        } else {
            session.reporter.note("no token was saved")
        }
        if let variable = settings.tokenVariable {
            session.reporter.note("\(variable) is set, and is sent all the same")
        }
    }
}
