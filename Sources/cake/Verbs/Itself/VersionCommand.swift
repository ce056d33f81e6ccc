import Model
import Platform

struct VersionCommand: Verb {
    static let command = Command(
        Self.self, "version", for: .learn, "print cake's version, how it was built, and its libraries",
        about: [
            "The commit is known in what the scripts built. Libraries have the version that runs now, also where this system's own "
                + "are used. cake --version prints the version alone."
        ],
        examples: [
            .init("cake version", "what a report of a fault should say"),
            .init("cake version --json", "the same for a program"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {}
}

extension VersionCommand {
    func run(in session: Session) async throws { session.show(VersionSummary()) }
}
