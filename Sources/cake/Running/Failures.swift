import Model

/// Failures of a verb that works through several names: the others are still tried. Each failure is told when it happens, or
/// at the end where notes are not printed.
struct Failures {
    private let total: Int
    private let wereTold: Bool
    private var all: [(name: String, error: CakeError)] = []

    /// `total` names are tried. With `told` the reasons were notes on the way.
    init(of total: Int, told: Bool) { (self.total, wereTold) = (total, told) }

    /// A single name fails as it is, and on a full disk the others would fail as well.
    func takes(_ error: CakeError) -> Bool { total > 1 && error.kind != .diskFull }

    mutating func add(_ error: CakeError, of name: String) { all.append((name, error)) }

    /// The exit status is that of the failures when all are of one kind, else 1.
    func throwIfAny(verb: String) throws(CakeError) {
        guard let first = all.first?.error else { return }
        let kinds = Set(all.map(\.error.kind))
        let were = all.count == 1 ? "was" : "were"
        let lines = all.map { wereTold ? $0.name : "\($0.name): \($0.error.what)" }
        var fixes: [String] = []
        for case let fix? in all.map(\.error.fix) where !fixes.contains(fix) { fixes.append(fix) }
        throw CakeError(
            kinds.count == 1 ? first.kind : .failed,
            (["\(all.count) of \(total) models \(were) not \(verb)"] + lines).joined(separator: "\n"),
            fix: fixes.isEmpty ? nil : fixes.joined(separator: "\n"))
    }
}
