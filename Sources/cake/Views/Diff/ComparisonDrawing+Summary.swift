import Model

extension ComparisonDrawing {
    /// What it comes to, in sentences.
    var summary: [String] {
        let difference = comparison.difference
        var lines: [String] = []
        let counts = DifferenceSummary.Counts(difference.tensors.lazy.map(\.kind))
        if counts.total > 0 { lines.append(Self.counted(counts, "tensor", "tensors")) }
        let files = DifferenceSummary.Counts(difference.files.lazy.map(\.kind))
        if files.total > 0 { lines.append(Self.counted(files, "other file", "other files")) }
        if difference.isIdentical {
            lines.append("The same files with the same bytes.")
        } else if difference.isEmpty {
            lines.append("The same tensors and files; only the headers, or which file a tensor is in, differ.")
        }
        if !difference.isIdentical { lines.append(bytes) }
        if let pull = comparison.pull { lines.append(Self.cost(pull)) }
        if let certainty { lines.append(certainty) }
        return lines + numberNotes
    }

    private var bytes: String {
        let difference = comparison.difference
        let needed = Quantities.bytes(difference.bytesNeeded)
        let shared = Quantities.bytes(difference.bytesShared)
        guard difference.bytesUnknown > 0 else {
            return "B needs \(needed) that A does not have; they share \(shared)."
        }
        let start = "B needs \(needed) that A does not have; they share \(shared)"
        let alike = Quantities.bytes(difference.bytesAlike)
        let rest = difference.bytesUnknown - min(difference.bytesAlike, difference.bytesUnknown)
        let sampled = difference.bytesAlike == 0 ? "" : "; \(alike) more match in every sample"
        let open = rest == 0 ? "" : "; \(Quantities.bytes(rest)) cannot be compared without a download"
        return start + sampled + open + "."
    }

    /// What it would take to know what is not known, or only sampled.
    private var certainty: String? {
        guard comparison.isExact else { return nil }
        let difference = comparison.difference
        guard difference.bytesUnknown > 0 else { return "Nothing is uncertain: every digest is known." }
        let tensors = difference.tensors.count { $0.kind == .unknown || $0.kind == .alike }
        return "To be certain of \(tensors) tensors, \(Quantities.bytes(difference.bytesUnknown)) would have to be "
            + "downloaded of each model that is not here: cake pull does that, and checks every file's hash."
    }

    private static func cost(_ pull: Comparison.Pull) -> String {
        let files = pull.files == 1 ? "its file is" : "its \(pull.files) files are"
        if pull.filesToFetch == 0 { return "A pull of B would download nothing: \(files) in the store." }
        let (moved, whole) = (Quantities.bytes(pull.bytesToFetch), Quantities.bytes(pull.bytes))
        let missing = "\(pull.filesToFetch) of its \(pull.files) files \(pull.filesToFetch == 1 ? "is" : "are")"
        return "A pull of B would download \(moved) of \(whole) now: \(missing) not in the store."
    }

    /// `291 tensors: 272 same, 19 changed`
    private static func counted(_ counts: DifferenceSummary.Counts, _ one: String, _ many: String) -> String {
        let total = "\(counts.total) \(counts.total == 1 ? one : many)"
        return total + ": " + counts.kinds.map { "\(counts[$0]) \($0.words)" }.joined(separator: ", ")
    }

    /// What the columns of numbers leave out.
    private var numberNotes: [String] {
        guard let numbers = comparison.numbers else { return [] }
        var notes: [String] = []
        let leftOut = numbers.reduce(0) { $0 &+ ($1?.leftOut ?? 0) }
        if leftOut > 0 {
            let elements = leftOut == 1 ? "1 element that changed is" : "\(leftOut) elements that changed are"
            notes.append("\(elements) infinite or no number on one side: not in MAX and MEAN.")
        }
        let changes = comparison.difference.tensors
        let without = changes.indices.count { changes[$0].kind == .changed && numbers[$0] == nil }
        if without > 0 {
            let tensors = without == 1 ? "1 changed tensor has" : "\(without) changed tensors have"
            notes.append("\(tensors) a dtype whose numbers are not compared.")
        }
        return notes
    }
}
