import Model
import Store
import Transfer

/// The options that name tensors, and give them other names.
struct TensorOptions: Sendable {
    private let patterns: [String]
    private let blocks: [String]
    private let renames: [String]

    static let tensors = Option.text(
        "tensors", "GLOB", "only tensors whose name matches a glob or /REGEX/"
    ).repeatable
    static let layers = Option.text("layers", "RANGE", "also tensors of these blocks, such as 0-7 or 0-3,12")
        .repeatable
    private static let rename = Option.text(
        "rename", "OLD=NEW", "rename tensors: OLD at the start of a name becomes NEW; /REGEX/=NEW replaces each match"
    ).repeatable

    static let forms = [tensors.form, layers.form, rename.form]

    /// Refuses what cannot be understood before anything is done.
    init(_ arguments: Arguments) throws(CakeError) {
        patterns = try arguments.values(of: Self.tensors)
        blocks = try arguments.values(of: Self.layers)
        renames = try arguments.values(of: Self.rename)
        _ = try TensorSelection(patterns: patterns, blocks: blocks)
        _ = try Renaming(renames)
    }

    /// For a verb that gives no other names.
    init(selecting arguments: Arguments) throws(CakeError) {
        patterns = try arguments.values(of: Self.tensors)
        blocks = try arguments.values(of: Self.layers)
        renames = []
        _ = try selection()
    }

    func selection() throws(CakeError) -> TensorSelection { try TensorSelection(patterns: patterns, blocks: blocks) }

    /// Refuses what a model lacks that was pulled in part.
    func refuse(missing: [String], of name: ModelName, completedBy command: String) throws(CakeError) {
        let selection = try selection()
        guard !selection.isEverything else { return }
        let wanted = missing.filter { selection.matches(ExactText($0)) }
        guard let first = wanted.first else { return }
        let more = wanted.count > 1 ? " and \(wanted.count - 1) more tensors are" : " is"
        throw CakeError(
            .notFound, "\(Printable.escape(first))\(more) not here: \(name) was pulled in part",
            fix: "\(command) downloads the rest; add --tensors or --layers for some of it")
    }

    var isEmpty: Bool { patterns.isEmpty && blocks.isEmpty && renames.isEmpty }

    func choice(from files: [Manifest.File], in store: LocalStore) throws(CakeError) -> WeightChoice {
        try WeightChoice(
            files, TensorSelection(patterns: patterns, blocks: blocks), Renaming(renames), from: store)
    }
}
