import Model
import Platform
import Store
import Transfer

struct OptimizeCommand: Verb {
    /// Empty: everything that has a name.
    let names: [String]
    let isDryRun: Bool

    private static let nameWord = Positional("NAME", .any, .model, "models to store anew; all of them without one")
    private static let dryRun = Flag("dry-run", "encode everything, say what it would gain, change nothing")

    static let command = Command(
        Self.self, "optimize", aliases: ["repack"], for: .keep, "store models anew where they take less room that way",
        about: [
            "A tensor that was stored before its base came becomes a delta of that, and what an older cake stored is "
                + "encoded as this one would. Nothing else changes: the models, their names and their files stay what "
                + "they are.",
            "It goes last on the machine, behind everything else that wants the processors or the disk. Each object is "
                + "replaced at once, so it can be ended at any time; the next run goes on.",
        ],
        positionals: [nameWord], options: [dryRun.form],
        examples: [
            .init("cake optimize", "the whole store"),
            .init("cake optimize my-tune", "one model"),
            .init("cake optimize --dry-run", "what it would gain"),
        ],
        whenInterrupted: "what is done is kept, and the store is whole; run it again for the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        isDryRun = arguments.has(Self.dryRun)
    }
}

extension OptimizeCommand {
    func run(in session: Session) async throws {
        guard let store = try session.storeToRead() else {
            if let name = names.first { _ = try session.find(name) }
            return session.show(OptimizeSummary(report: Optimize.Report(), isDryRun: isDryRun))
        }
        var models = names.isEmpty ? try store.names() : []
        models += try session.find(each: names).map(\.named)
        Machine.goLast()
        let progress = Progress(isDryRun ? "trying" : "storing anew", items: "layers")
        let optimize = Optimize(store, progress: progress, isDryRun: isDryRun)
        let report = try await session.reporter.show(progress) { try await optimize(models) }
        if report.recoded > 0, !isDryRun { try store.foldIndex() }
        session.tell(baseTroubles: report.baseTroubles)
        session.show(OptimizeSummary(report: report, isDryRun: isDryRun))
        if report.damaged > 0 {
            throw CakeError(
                .damaged, "\(report.damaged) layers are damaged or missing, and were left alone",
                fix: "cake verify says which, cake verify --repair mends them")
        }
    }
}
