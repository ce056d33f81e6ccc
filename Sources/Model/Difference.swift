/// What one model has to do with another: each tensor and file of both, what became of it, and what getting from the
/// first to the second would cost.
public struct Difference: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// Same name, dtype, shape and bytes, in whatever file.
        case same
        /// Same name, dtype and shape, other bytes.
        case changed
        /// Same name and dtype, other shape.
        case reshaped
        /// Same name, other dtype.
        case dtypeChanged
        /// The same bytes under another name.
        case renamed
        case added
        case removed
    }

    /// A tensor as one of the two models has it.
    public struct Place: Hashable, Sendable {
        public let file: FilePath
        public let layer: Layer
        public let tensor: Tensor

        public init(file: FilePath, layer: Layer, tensor: Tensor) {
            self.file = file
            self.layer = layer
            self.tensor = tensor
        }
    }

    /// `before` is nil for what was added, `after` for what was removed.
    public struct TensorChange: Hashable, Sendable {
        public let kind: Kind
        public let before: Place?
        public let after: Place?

        /// The name it has in the second model, or had in the first.
        public var name: ExactText { after?.tensor.name ?? before?.tensor.name ?? "" }
    }

    /// A file that holds no tensors: same, changed, added or removed.
    public struct FileChange: Hashable, Sendable {
        public let kind: Kind
        public let path: FilePath
        /// The whole file as a layer would name it.
        public let before: Layer?
        public let after: Layer?
    }

    /// In the second model's order, then what only the first has.
    public let tensors: [TensorChange]
    /// Sorted by path.
    public let files: [FileChange]
    /// The plain bytes of the layers the second has and the first has not, each layer once.
    public let bytesNeeded: UInt64
    /// The plain bytes of the layers both have, each layer once.
    public let bytesShared: UInt64
    /// The same files with the same bytes. Equal tensors in other shards or under other headers are not that.
    public let isIdentical: Bool

    /// No tensor and no other file differs, however the tensors are spread over files.
    public var isEmpty: Bool {
        tensors.allSatisfy { $0.kind == .same } && files.allSatisfy { $0.kind == .same }
    }

    public init(from before: Manifest, to after: Manifest) {
        var matching = TensorMatching(before, after)
        tensors = matching.changes()
        files = Difference.files(before, after)
        isIdentical =
            before.files.count == after.files.count
            && zip(before.files, after.files).allSatisfy { $0.path == $1.path && $0.digest == $1.digest }
        var here = Set<Digest>(minimumCapacity: matching.before.count)
        for file in before.files {
            for segment in file.segments { here.insert(segment.layer.digest) }
        }
        var seen = Set<Digest>(minimumCapacity: matching.after.count)
        var needed: UInt64 = 0
        var shared: UInt64 = 0
        for file in after.files {
            for segment in file.segments where seen.insert(segment.layer.digest).inserted {
                // A manifest's layers add up to its size, which fits.
                if here.contains(segment.layer.digest) {
                    shared += segment.layer.size
                } else {
                    needed += segment.layer.size
                }
            }
        }
        bytesNeeded = needed
        bytesShared = shared
    }

    private static func files(_ before: Manifest, _ after: Manifest) -> [FileChange] {
        func plain(_ manifest: Manifest) -> [ExactText: Manifest.File] {
            var result: [ExactText: Manifest.File] = [:]
            for file in manifest.files where file.segments.allSatisfy({ $0.tensor == nil }) {
                result[file.path.text] = file
            }
            return result
        }
        let (old, new) = (plain(before), plain(after))
        func layer(_ file: Manifest.File) -> Layer { Layer(digest: file.digest, size: file.size) }
        var changes = new.values.map { file in
            guard let previous = old[file.path.text] else {
                return FileChange(kind: .added, path: file.path, before: nil, after: layer(file))
            }
            let kind: Kind = previous.digest == file.digest ? .same : .changed
            return FileChange(kind: kind, path: file.path, before: layer(previous), after: layer(file))
        }
        for file in old.values where new[file.path.text] == nil {
            changes.append(FileChange(kind: .removed, path: file.path, before: layer(file), after: nil))
        }
        return changes.sorted { $0.path < $1.path }
    }
}
