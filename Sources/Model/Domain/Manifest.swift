/// Bytes named by their SHA-256: one tensor, one header, or a piece of a file without tensors.
public struct Layer: Hashable, Sendable {
    public let digest: Digest
    public let size: UInt64

    public init(digest: Digest, size: UInt64) {
        self.digest = digest
        self.size = size
    }
}

/// A model: files in order, each with the ordered layers that rebuild it bit for bit. It describes only the files: the
/// same files give the same manifest wherever they came from.
public struct Manifest: Hashable, Sendable {
    /// A run of a file that is one layer: a header, a tensor, or other bytes.
    public struct Segment: Hashable, Sendable {
        public let layer: Layer
        public let tensor: Tensor?

        public init(layer: Layer, tensor: Tensor?) {
            self.layer = layer
            self.tensor = tensor
        }
    }

    public struct File: Hashable, Sendable {
        public let path: FilePath
        /// Of the whole file.
        public let digest: Digest
        public let size: UInt64
        public let segments: [Segment]

        /// Refuses segments that do not add up to the file, and tensors whose size differs from their layer's.
        public init(path: FilePath, digest: Digest, size: UInt64, segments: [Segment]) throws(CakeError) {
            try ByteCount.checked(size, of: "\(path)")
            var total = ByteTotal(limit: ByteCount.maximum)
            for segment in segments {
                try total.add(segment.layer.size, of: "\(path): layer \(segment.layer.digest.short)")
                if let tensor = segment.tensor, tensor.byteCount != segment.layer.size {
                    throw CakeError(
                        .damaged,
                        "\(path): tensor \"\(tensor.name.printable)\" is \(tensor.dtype.rawValue) \(tensor.shape), "
                            + "but its layer has \(segment.layer.size) bytes")
                }
            }
            guard total.bytes == size else {
                throw CakeError(.damaged, "\(path): has \(size) bytes, but its layers add up to \(total.bytes)")
            }
            self.path = path
            self.digest = digest
            self.size = size
            self.segments = segments
        }
    }

    /// Sorted by path, each path once. No two paths are the same file on any disk.
    public let files: [File]

    public init(files: [File]) throws(CakeError) {
        let sorted = files.sorted { $0.path < $1.path }
        try FilePath.refuseClashes(sorted.map(\.path))
        var total = ByteTotal()
        for file in sorted { try total.add(file.size, of: "\(file.path)") }
        size = total.bytes
        self.files = sorted
    }

    /// The bytes of all files, as a folder would hold them.
    public let size: UInt64

    public var segments: some Sequence<Segment> { files.lazy.flatMap(\.segments) }

    /// Each layer once, in order of first use.
    public var layers: [Layer] {
        var seen: Set<Digest> = []
        var result: [Layer] = []
        for file in files {
            for segment in file.segments where seen.insert(segment.layer.digest).inserted {
                result.append(segment.layer)
            }
        }
        return result
    }

    /// How the layers of tensors are read, for code that encodes them again.
    public var kinds: [Digest: Tensor.Kind] {
        var kinds: [Digest: Tensor.Kind] = [:]
        for segment in segments { if let tensor = segment.tensor { kinds[segment.layer.digest] = tensor.kind } }
        return kinds
    }

    public func file(at path: String) -> File? {
        let wanted = ExactText(path)
        let place = files.partitioningIndex { !($0.path.text < wanted) }
        return place < files.count && files[place].path.text == wanted ? files[place] : nil
    }
}

extension Manifest.File {
    /// The place of each segment in the file.
    public var extents: Extents { Extents(segments.lazy.map(\.layer.size)) }
}
