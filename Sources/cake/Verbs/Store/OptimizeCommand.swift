import Model
import Platform
import Store
import Transfer

struct OptimizeCommand: Verb {
    /// Empty: everything that has a name.
    let names: [String]
    let isDryRun: Bool

    private static let nameWord = Positional("NAME", .any, .model, "models to optimize (default: all)")
    private static let dryRun = Flag("dry-run", "print what it would save, and change nothing")

    static let command = Command(
        Self.self, "optimize", aliases: ["repack"], for: .keep, "re-encode models to save disk space",
        about: [
            "Stores each tensor in the smallest form that cake knows, as a delta against the best base in the store. When a "
                + "base model was imported after its fine-tunes, the base is stored plain and the fine-tunes become deltas "
                + "against it; other models that share tensors with the named ones are re-encoded, too. The models, their "
                + "names and their files do not change.",
            "It runs at the lowest priority for processors and disk. Each object is replaced at once, so you can stop it "
                + "at any time; the next run continues.",
        ],
        positionals: [nameWord], options: [dryRun.form],
        examples: [
            .init("cake optimize", "the whole store"),
            .init("cake optimize my-tune", "one model"),
            .init("cake optimize --dry-run", "what it would save"),
        ],
        whenInterrupted: "finished layers are kept; run it again to continue")

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
        let progress = Progress("comparing bases", items: "layers")
        let optimize = Optimize(store, progress: progress, isDryRun: isDryRun)
        let report = try await session.reporter.show(progress) { try await optimize(models) }
        if report.recoded > 0, !isDryRun { try store.foldIndex() }
        session.tell(baseTroubles: report.baseTroubles)
        session.show(OptimizeSummary(report: report, isDryRun: isDryRun))
        if report.damaged > 0 {
            throw CakeError(
                .damaged,
                "\(Quantities.count(report.damaged, of: "layer")) could not be read and \(report.damaged == 1 ? "was" : "were") skipped",
                fix: "cake verify lists damaged layers; cake verify --repair downloads them again")
        }
    }
}
