import Model
import Platform

struct VersionCommand: Verb {
    static let command = Command(
        Self.self, "version", for: .learn, "print cake's version",
        examples: [.init("cake version", "the same as cake --version")])

    init(_ arguments: Arguments) throws(CakeError) {}
}

extension VersionCommand {
    func run(in session: Session) async throws {
        session.output.line("cake \(CommandTable.version)")
    }
}
