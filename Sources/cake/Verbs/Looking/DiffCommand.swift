import Model
import Platform
import Remote
import Transfer

struct DiffCommand: Verb {
    let base: String
    let other: String
    let listsTensors: Bool
    let comparesNumbers: Bool
    /// `Answer(status: 1)` is thrown when they differ.
    let answersByStatus: Bool
    let isExact: Bool
    let plainHTTP: Bool

    private static let baseWord = Positional("A", .one, .modelOrPath, "the model to compare with")
    private static let otherWord = Positional("B", .one, .modelOrPath, "the model to compare")
    private static let tensors = Flag("tensors", short: "t", "list every tensor instead of one line for each block")
    private static let numeric = Flag("numeric", "compare the numbers: largest and mean difference, share that changed")
    private static let exact = Flag("exact", "compare no samples; show what an exact answer would download")
    private static let exitCode = Flag("exit-code", "end with 1 when they differ, and with 3 when the comparison fails")

    static let command = Command(
        Self.self, "diff", aliases: ["compare"], for: .look, "show which tensors and files of two models differ",
        about: [
            "Lists tensors that are the same, changed, added, removed, renamed with the same bytes, reshaped, or of another dtype, "
                + "by block of the network; then the other files; then what B needs that A lacks.",
            "For a model on the Hub that is not here, cake reads its list of files, its headers and the places of its tensors on the "
                + "Xet server. If these do not decide, it downloads a few short samples of a tensor: a difference is then "
                + "certain, and \"equal in samples\" means that all samples were equal. Other tensors are \"not known\" and count "
                + "as different. The result includes what a pull of B would download now. For a model in a registry "
                + "(host/path:tag), its index gives every digest.",
            "Models in the store are compared by their digests; files on this disk are read and hashed first. NEW is the size of the "
                + "tensors that A lacks. With --numeric, tensors of the same dtype and shape show MAX and MEAN, the largest and "
                + "the mean absolute difference, and MOVED, the share of elements that changed.",
        ],
        positionals: [baseWord, otherWord],
        options: [tensors.form, numeric.form, exact.form, exitCode.form, RegistryOptions.plainHTTP.form],
        examples: [
            .init("cake diff mistral-7b mistral-7b-instruct", "two models in the store"),
            .init("cake diff mistral-7b org/tune", "a model on the Hub, and what its pull would download"),
            .init("cake diff mistral-7b mistral-ft --tensors --numeric", "how much each tensor changed"),
            .init("cake diff --exit-code --quiet a b && echo same", "in a script"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        base = try arguments.word(Self.baseWord)
        other = try arguments.word(Self.otherWord)
        listsTensors = arguments.has(Self.tensors)
        comparesNumbers = arguments.has(Self.numeric)
        answersByStatus = arguments.has(Self.exitCode)
        isExact = arguments.has(Self.exact)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
    }

    /// 1 is taken by "they differ".
    var statusOfFailure: Int32 { answersByStatus ? 3 : 1 }
}

extension DiffCommand {
    func run(in session: Session) async throws {
        let before = try await session.subject(base, plainHTTP: plainHTTP)
        let after = try await session.subject(other, plainHTTP: plainHTTP)
        // Said before anything is read.
        if comparesNumbers { for one in [before, after] where one.isElsewhere { _ = try one.tensorReader() } }
        var first = try await before.outline(in: session)
        var second = try await after.outline(in: session)
        if after.remote != nil { first = try before.gitDigests(of: first) }
        if before.remote != nil { second = try after.gitDigests(of: second) }
        var difference = Difference(from: first, to: second)
        if !isExact, difference.tensors.contains(where: { $0.kind == .unknown }) {
            difference = try await look(closerAt: difference, before, after, in: session)
        }
        var numbers: [NumericDifference?]?
        if comparesNumbers {
            let progress = Progress("comparing numbers", items: "tensors")
            let compare = NumericComparison(
                from: try before.tensorReader(), to: try after.tensorReader(), progress: progress)
            numbers = try await session.reporter.show(progress) {
                try await compare(difference.tensors, on: session.pool)
            }
        }
        let comparison = Comparison(
            before: before.title(typed: base), after: after.title(typed: other), difference: difference,
            numbers: numbers,
            pull: try pull(of: after, difference, beside: before, in: session), isExact: isExact)
        session.show(
            ComparisonSummary(
                comparison: comparison, listsTensors: listsTensors, answersByStatus: answersByStatus))
        if answersByStatus, !comparison.isSame { throw Answer(status: 1) }
    }

    /// What fetching the second would cost.
    private func pull(
        of after: Subject, _ difference: Difference, beside before: Subject, in session: Session
    ) throws(CakeError) -> Comparison.Pull? {
        switch after {
        case .remote(let model): return .init(of: model, difference, besideFirst: before.isStored)
        case .registry(let model):
            let missing = try model.missing(from: session.existingStore())
            return Comparison.Pull(
                files: model.remote.model.files.count, bytes: model.remote.model.size, filesToFetch: missing.files,
                bytesToFetch: missing.bytes)
        case .shaped(let model):
            return Comparison.Pull(
                files: model.files.count, bytes: model.remote.model.size,
                filesToFetch: model.files.count { $0.known == nil }, bytesToFetch: model.bytesToFetch)
        case .stored, .local, .archive: return nil
        }
    }

    /// By chunks and samples, where digests say nothing.
    private func look(
        closerAt difference: Difference, _ before: Subject, _ after: Subject, in session: Session
    ) async throws -> Difference {
        let progress = Progress("comparing samples", items: "tensors")
        let resemblance = Resemblance(
            try before.sampler(in: session), try after.sampler(in: session), on: session.pool, progress: progress)
        return try await session.reporter.show(progress) {
            Difference(difference, finding: try await resemblance(difference.tensors))
        }
    }
}
