import Model

extension NameRecord {
    /// What an incomplete model lacks, in a few words.
    var missingText: String {
        if !isPartial, let files = missingFiles {
            let size = " (\(Quantities.bytes(files.bytes)))"
            return NameRecord.text(files.paths.first, files.count, of: "file", size)
        }
        return missing.isEmpty
            ? "some tensors are not here" : NameRecord.text(missing.first, missing.count, of: "tensor", "")
    }

    private static func text(_ first: String?, _ count: Int, of noun: String, _ size: String) -> String {
        let first = first.map { Printable.escape($0) } ?? ""
        return count == 1
            ? "1 \(noun)\(size) is not here, \(first)"
            : "\(count) \(noun)s\(size) are not here, the first \(first)"
    }

    /// The command that brings the rest.
    func completing(_ name: ModelName) -> String {
        guard let source, source.hasPrefix("hf://"), name.withoutRevision != String(source.dropFirst(5)) else {
            return "cake pull \(name)"
        }
        let tag = revision.map { $0 == Revision.main ? "" : "@\($0)" } ?? ""
        return "cake pull \(source)\(tag) --as \(name)"
    }
}
