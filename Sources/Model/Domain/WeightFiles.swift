/// Which of a model's files hold its tensors, and which go along with them.
public struct WeightFiles: Sendable {
    /// Of one folder: the top one, or the only one that has any.
    public let weights: [Manifest.File]
    /// Configuration, tokenizer, and tensors of other folders.
    public let companions: [Manifest.File]
    /// The same weights again, for other libraries.
    public let otherForms: [Manifest.File]

    /// The files whose bytes `init` needs, by path.
    public static func indexes(of files: [Manifest.File]) -> [Manifest.File] {
        let forms = WeightForms(files.map(\.path))
        return files.filter { forms.isIndex($0.path) }
    }

    /// An index that makes no sense says nothing.
    public init(of files: [Manifest.File], indexes: [FilePath: [UInt8]]) throws(CakeError) {
        var forms = WeightForms(files.map(\.path))
        for (path, bytes) in indexes.sorted(by: { $0.key < $1.key }) { _ = try? forms.read(bytes.span, of: path) }
        let taken = files.filter { forms.isTaken($0.path) }
        let own = try WeightFiles.own(
            of: taken.filter { $0.segments.contains { $0.tensor != nil } }.map(\.path))
        weights = taken.filter { own.contains($0.path) }
        companions = taken.filter { !own.contains($0.path) }
        otherForms = files.filter { !forms.isTaken($0.path) }
    }

    /// Of files that have tensors, those that are the model.
    static func own(of files: [FilePath]) throws(CakeError) -> Set<FilePath> {
        var folders: [ExactText: Set<FilePath>] = [:]
        for path in files { folders[WeightForms.folder(of: path), default: []].insert(path) }
        guard let found = folders[""] ?? (folders.count == 1 ? folders.first?.value : nil) else {
            let names = folders.keys.sorted().map(\.printable)
            throw CakeError(
                names.isEmpty ? .notFound : .failed,
                names.isEmpty
                    ? "the model has no safetensors files"
                    : "several folders have weights: \(names.joined(separator: ", "))",
                fix: names.isEmpty
                    ? "--format files exports the files as they are" : "--include '\(names[0])/*' selects one of them")
        }
        return found
    }
}
