/// The known part of a model: all of it if its manifest is here; otherwise headers and listings, for tensors that have
/// not been read.
public struct Outline: Hashable, Sendable {
    /// Identifies bytes, as far as they are known.
    public enum Content: Hashable, Sendable {
        case digest(Digest)
        /// The bytes of a file with this digest, from an offset on: the same in every such file, and maybe also in
        /// others.
        case part(of: Digest, from: UInt64)
    }

    public struct Segment: Hashable, Sendable {
        /// Nil when nothing is known of the bytes.
        public let content: Content?
        public let size: UInt64
        public let tensor: Tensor?

        public init(content: Content?, size: UInt64, tensor: Tensor?) {
            // There is only one way to have no bytes.
            self.content = size == 0 ? .digest(.empty) : content
            self.size = size
            self.tensor = tensor
        }

        public var digest: Digest? {
            guard case .digest(let digest) = content else { return nil }
            return digest
        }
    }

    public struct File: Hashable, Sendable {
        public let path: FilePath
        public let size: UInt64
        /// Of the whole file.
        public let digest: Digest?
        /// Of a file that git stores whole: two such files can be compared by it.
        public var gitDigest: GitDigest?
        public let segments: [Segment]

        public init(path: FilePath, size: UInt64, digest: Digest?, gitDigest: GitDigest? = nil, segments: [Segment]) {
            self.path = path
            self.size = size
            self.digest = digest
            self.gitDigest = gitDigest
            self.segments = segments
        }

        public init(_ file: Manifest.File) {
            self.init(
                path: file.path, size: file.size, digest: file.digest,
                segments: file.segments.map {
                    Segment(content: .digest($0.layer.digest), size: $0.layer.size, tensor: $0.tensor)
                })
        }

        public var hasTensors: Bool { segments.contains { $0.tensor != nil } }

        var isKnown: Bool { segments.allSatisfy { $0.digest != nil } }

        /// Nil when it is not known.
        func isSame(as other: File) -> Bool? {
            if size != other.size { return false }
            if let digest, let found = other.digest { return digest == found }
            if let gitDigest, let found = other.gitDigest { return gitDigest == found }
            return nil
        }
    }

    /// Sorted by path.
    public var files: [File]

    public init(files: [File]) { self.files = files.sorted { $0.path < $1.path } }

    public init(_ manifest: Manifest) { files = manifest.files.map { File($0) } }

    /// With the layers of files that the other model has too, and knows.
    func learning(from other: Outline) -> Outline {
        guard !files.allSatisfy(\.isKnown) else { return self }
        var known: [Digest: File] = [:]
        for file in other.files where file.isKnown { if let digest = file.digest { known[digest] = file } }
        return Outline(
            files: files.map { file in
                guard !file.isKnown, let digest = file.digest, let same = known[digest], same.size == file.size else {
                    return file
                }
                return File(path: file.path, size: file.size, digest: digest, segments: same.segments)
            })
    }
}
