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
        if !difference.isIdentical {
            let needed = Quantities.bytes(difference.bytesNeeded)
            let shared = Quantities.bytes(difference.bytesShared)
            lines.append("B needs \(needed) that A does not have; they share \(shared).")
        }
        return lines + numberNotes
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
