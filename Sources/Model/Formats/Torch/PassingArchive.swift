/// A fast-load archive of files that are streamed and not stored. Its layers are known after they were sent; its length
/// and the place of everything in it are known before. First the companions are sent, then the weights, each sorted by
/// path.
public struct PassingArchive: Sendable {
    public struct File: Sendable {
        public let path: FilePath
        /// The runs that a manifest cuts it into.
        public let segments: [(size: UInt64, tensor: Tensor?)]

        public init(path: FilePath, segments: [(size: UInt64, tensor: Tensor?)]) {
            self.path = path
            self.segments = segments
        }

        fileprivate var size: UInt64 { segments.reduce(0) { $0.clampedSum($1.size) } }
    }

    /// In the order in which they pass.
    public let files: [File]
    public let layout: ZipLayout
    /// torch lacks their dtype: they are there as bytes.
    public let rawTensors: [Tensor]
    private let companions: Int

    public init(weights: [File], companions: [File]) throws(CakeError) {
        files = companions.sorted { $0.path < $1.path } + weights.sorted { $0.path < $1.path }
        self.companions = companions.count
        // As many digests as there will be, all made up: the length of an archive does not depend on them.
        let layers = files.flatMap(\.segments).indices.map { Digest(words: (1, 0, 0, UInt64($0))) }
        let standIns = files.indices.map { Digest(words: (2, 0, 0, UInt64($0))) }
        let archive = try FastArchive(PassingArchive.facts(of: files, self.companions, standIns, layers))
        layout = archive.layout
        rawTensors = archive.rawTensors
    }

    /// The sizes of the layers to cut, in order.
    public var layerSizes: [UInt64] { files.flatMap(\.segments).map(\.size) }

    /// The end of the archive, once the digests of the files and of their layers are known.
    public func facts(files digests: [Digest], layers: [Digest]) throws(CakeError) -> [UInt8] {
        try PassingArchive.facts(of: files, companions, digests, layers).encode()
    }

    private static func facts(
        of files: [File], _ companions: Int, _ digests: [Digest], _ layers: [Digest]
    ) throws(CakeError) -> ArchiveFacts {
        guard digests.count == files.count, layers.count == files.reduce(0, { $0 + $1.segments.count }) else {
            throw CakeError(.failed, "the archive ended before all of its content was sent")
        }
        var next = 0
        var known: [Manifest.File] = []
        for (file, digest) in zip(files, digests) {
            var segments: [Manifest.Segment] = []
            for segment in file.segments {
                let layer = Layer(digest: segment.size > 0 ? layers[next] : .empty, size: segment.size)
                segments.append(Manifest.Segment(layer: layer, tensor: segment.tensor))
                next += 1
            }
            known.append(try Manifest.File(path: file.path, digest: digest, size: file.size, segments: segments))
        }
        return try ArchiveFacts(passed: Array(known[companions...]), companions: Array(known[..<companions]))
    }
}

extension PassingArchive {
    /// Which files are the model's weights, and which go along. An index is of no use where the files it names are no more.
    public static func split(
        _ files: [FilePath], withTensors: [FilePath], keepingIndexes: Bool
    ) throws(CakeError) -> (weights: Set<FilePath>, companions: Set<FilePath>) {
        let forms = WeightForms(files)
        let own = try WeightFiles.own(of: withTensors)
        return (own, Set(files.filter { !own.contains($0) && (keepingIndexes || !forms.isIndex($0)) }))
    }
}
