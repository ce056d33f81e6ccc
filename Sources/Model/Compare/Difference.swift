/// The difference of two models: each tensor and file of both, how it changed, and the cost of getting from the first
/// to the second.
public struct Difference: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// Same name, dtype, shape and bytes, in any file.
        case same
        /// Same name, dtype and shape, and the same bytes wherever some of them were compared.
        case alike
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
        /// Same name, dtype and shape. Only the bytes could tell whether they are the same.
        case unknown
    }

    /// A tensor as one of the two models has it.
    public struct Place: Hashable, Sendable {
        public let file: FilePath
        public let content: Outline.Content?
        public let size: UInt64
        public let tensor: Tensor

        public init(file: FilePath, content: Outline.Content?, size: UInt64, tensor: Tensor) {
            self.file = file
            self.content = content
            self.size = size
            self.tensor = tensor
        }

        /// Nil when it is not known without fetching the tensor.
        public var layer: Layer? {
            guard case .digest(let digest) = content else { return nil }
            return Layer(digest: digest, size: size)
        }
    }

    /// `before` is nil for an added tensor, `after` for a removed one.
    public struct TensorChange: Hashable, Sendable {
        public let kind: Kind
        public let before: Place?
        public let after: Place?

        /// The name it has in the second model, or had in the first.
        public var name: ExactText { after?.tensor.name ?? before?.tensor.name ?? "" }
    }

    /// A file as one of the two models has it.
    public struct Version: Hashable, Sendable {
        public let size: UInt64
        public let digest: Digest?
    }

    /// A file that holds no tensors: same, changed, added or removed, or not known.
    public struct FileChange: Hashable, Sendable {
        public let kind: Kind
        public let path: FilePath
        public let before: Version?
        public let after: Version?
    }

    /// In the second model's order, then tensors that only the first has.
    public let tensors: [TensorChange]
    /// Sorted by path.
    public let files: [FileChange]
    /// The plain bytes of the layers the second has and the first surely has not, each layer once.
    public let bytesNeeded: UInt64
    /// The plain bytes of the layers both have, each layer once.
    public let bytesShared: UInt64
    /// The plain bytes of the second's layers of which it is not known whether the first has them.
    public let bytesUnknown: UInt64
    /// Of those, the bytes of tensors that are equal wherever some of them were compared.
    public let bytesAlike: UInt64
    /// The same files with the same bytes. Equal tensors in other shards or under other headers are not that.
    public let isIdentical: Bool

    /// No tensor and no other file differs, however the tensors are spread over files.
    public var isEmpty: Bool {
        tensors.allSatisfy { $0.kind == .same } && files.allSatisfy { $0.kind == .same }
    }

    public init(from before: Manifest, to after: Manifest) { self.init(from: Outline(before), to: Outline(after)) }

    public init(from first: Outline, to second: Outline) {
        let (before, after) = (first.learning(from: second), second.learning(from: first))
        var matching = TensorMatching(before, after)
        tensors = matching.changes()
        files = Difference.files(before, after)
        isIdentical =
            before.files.count == after.files.count
            && zip(before.files, after.files).allSatisfy { $0.path == $1.path && $0.isSame(as: $1) == true }
        let bytes = BytesToMove(before, after, capacity: (matching.before.count, matching.after.count))
        (bytesNeeded, bytesShared, bytesUnknown) = (bytes.needed, bytes.shared, bytes.unknown)
        bytesAlike = 0
    }

    /// The same, with results for tensors that were not known: by their places among all, nil for those without a
    /// result. Bytes that two tensors have in common count once.
    public init(_ other: Difference, finding found: [Kind?]) {
        var tensors = other.tensors
        var (needed, shared, unknown) = (other.bytesNeeded, other.bytesShared, other.bytesUnknown)
        var alike: UInt64 = 0
        var seen: Set<Outline.Content> = []
        for (index, kind) in found.enumerated() where tensors[index].kind == .unknown {
            guard let kind, let after = tensors[index].after else { continue }
            tensors[index] = TensorChange(kind: kind, before: tensors[index].before, after: after)
            if let content = after.content, !seen.insert(content).inserted { continue }
            switch kind {
            case .same: shared += after.size
            case .alike:
                alike += after.size
                continue
            default: needed += after.size
            }
            unknown -= min(unknown, after.size)
        }
        self.tensors = tensors
        files = other.files
        isIdentical = other.isIdentical
        (bytesNeeded, bytesShared, bytesUnknown, bytesAlike) = (needed, shared, unknown, alike)
    }

    private static func files(_ before: Outline, _ after: Outline) -> [FileChange] {
        func plain(_ outline: Outline) -> [ExactText: Outline.File] {
            var result: [ExactText: Outline.File] = [:]
            for file in outline.files where !file.hasTensors { result[file.path.text] = file }
            return result
        }
        let (old, new) = (plain(before), plain(after))
        func version(_ file: Outline.File) -> Version { Version(size: file.size, digest: file.digest) }
        var changes = new.values.map { file in
            guard let previous = old[file.path.text] else {
                return FileChange(kind: .added, path: file.path, before: nil, after: version(file))
            }
            let kind: Kind = previous.isSame(as: file).map { $0 ? .same : .changed } ?? .unknown
            return FileChange(kind: kind, path: file.path, before: version(previous), after: version(file))
        }
        for file in old.values where new[file.path.text] == nil {
            changes.append(FileChange(kind: .removed, path: file.path, before: version(file), after: nil))
        }
        return changes.sorted { $0.path < $1.path }
    }
}

/// Bytes that the second of two models has and the first does not.
private struct BytesToMove {
    private(set) var needed: UInt64 = 0
    private(set) var shared: UInt64 = 0
    private(set) var unknown: UInt64 = 0

    init(_ before: Outline, _ after: Outline, capacity: (Int, Int)) {
        var here = Set<Outline.Content>(minimumCapacity: capacity.0)
        // Bytes of different length differ: an unknown layer matters only if the other model has one of its size.
        var sizes: Set<UInt64> = []
        var unknownSizes: Set<UInt64> = []
        for file in before.files {
            for segment in file.segments {
                if let content = segment.content { here.insert(content) }
                sizes.insert(segment.size)
                if segment.digest == nil { unknownSizes.insert(segment.size) }
            }
        }
        var seen = Set<Outline.Content>(minimumCapacity: capacity.1)
        for file in after.files {
            for segment in file.segments {
                if let content = segment.content {
                    guard seen.insert(content).inserted else { continue }
                    if here.contains(content) {
                        // A model's layers add up to its size, which fits.
                        shared += segment.size
                        continue
                    }
                }
                let candidates = segment.digest == nil ? sizes : unknownSizes
                if candidates.contains(segment.size) { unknown += segment.size } else { needed += segment.size }
            }
        }
    }
}
