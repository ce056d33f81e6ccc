import Model

extension NameRecord {
    /// What a part of a model lacks, in a few words.
    var missingText: String {
        guard let first = missing.first.map({ Printable.escape($0) }) else { return "some tensors are not here" }
        return missing.count == 1
            ? "1 tensor is not here, \(first)" : "\(missing.count) tensors are not here, the first \(first)"
    }
}
