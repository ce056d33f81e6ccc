import Model
internal import Storage
import Store

struct DiskUseCommand: Verb {
    static let command = Command(
        Self.self, "df", for: .look, "show what the store takes, and what sharing saves",
        about: [
            "How large all models' files are together, what the store takes for them, how much of that nobody needs "
                + "any more (cake gc frees it), and how much room the disk has left.",
            "What deltas spare is told by what their bases take: so much a tensor would have taken alone.",
        ],
        examples: [
            .init("cake df", "for people"),
            .init("cake df --json", "for a script"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {}
}

extension DiskUseCommand {
    func run(in session: Session) async throws {
        let path = try session.settings.storePath()
        guard let store = try session.existingStore() else {
            return session.show(DiskUseSummary(path: path, found: nil))
        }
        let found = DiskUseSummary.Found(
            usage: try Usage(of: store), remains: try store.remains(),
            registry: try RegistryStore.existing(in: store)?.usage())
        session.show(DiskUseSummary(path: path, found: found))
    }
}
