import Model

/// Failures of a verb that works through several names: the others are still tried, and all failures are told at the end.
struct Failures {
    private let total: Int
    private var all: [(name: String, error: CakeError)] = []

    /// `total` names are tried.
    init(of total: Int) { self.total = total }

    /// A single name fails as it is, and on a full disk the others would fail as well.
    func takes(_ error: CakeError) -> Bool { total > 1 && error.kind != .diskFull }

    mutating func add(_ error: CakeError, of name: String) { all.append((name, error)) }

    /// The exit status is that of the failures when all are of one kind, else 1.
    func throwIfAny(verb: String) throws(CakeError) {
        guard let first = all.first?.error else { return }
        let kinds = Set(all.map(\.error.kind))
        let were = all.count == 1 ? "was" : "were"
        let lines = all.map { "\($0.name): \($0.error.what)" }
        var fixes: [String] = []
        for case let fix? in all.map(\.error.fix) where !fixes.contains(fix) { fixes.append(fix) }
        throw CakeError(
            kinds.count == 1 ? first.kind : .failed,
            (["\(all.count) of \(total) models \(were) not \(verb)"] + lines).joined(separator: "\n"),
            fix: fixes.isEmpty ? nil : fixes.joined(separator: "\n"))
    }
}
