import Model

struct DiskUseCommand: Verb {
    static let command = Command(
        Self.self, "df", for: .look, "show what the store takes, and what sharing saves",
        about: [
            "How large all models' files are together, what the store takes for them, how much of that nobody needs "
                + "any more (cake gc frees it), and how much room the disk has left."
        ],
        examples: [
            .init("cake df", "for people"),
            .init("cake df --json", "for a script"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {}
}

extension DiskUseCommand {
    func run(in session: Session) async throws {
        throw CakeError(.failed, "cake df is not there yet")
    }
}
