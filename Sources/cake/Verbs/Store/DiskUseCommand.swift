import Model
internal import Storage
import Store

struct DiskUseCommand: Verb {
    static let command = Command(
        Self.self, "df", for: .look, "show how much disk the store takes, and what sharing saves",
        about: [
            "Shows the size of all models' files, what the store takes for them, how much of that no model needs any more "
                + "(cake gc frees it), and how much is free on the disk.",
            "The saving of deltas is an estimate: without its delta, a tensor would take about as much as its base does.",
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
        guard let store = try session.storeToRead() else {
            return session.show(DiskUseSummary(path: path, found: nil))
        }
        let found = DiskUseSummary.Found(
            usage: try Usage(of: store), remains: try store.remains(),
            registry: try RegistryStore.existing(in: store)?.usage())
        session.show(DiskUseSummary(path: path, found: found))
    }
}
