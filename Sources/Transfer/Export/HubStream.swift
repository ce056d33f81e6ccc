public import Model
public import Platform
public import Remote

/// A repository's files on their way to a program, without a disk: one file as it is, a tar of several, or the archive
/// that torch maps.
public struct HubStream {
    public struct Options: Sendable {
        /// More connections than at first are tried as long as the rate grows.
        public var mostConnections = mostAtOnce
        public var bytesPerSecond: UInt64?
        public init() {}

        /// Each holds a piece in memory.
        public static let mostAtOnce = 32
    }

    public let size: UInt64
    /// Of an archive: torch lacks their dtype.
    public let rawTensors: [Tensor]
    private let parts: [Framing.Element]
    private let items: [PassThrough.Item]
    /// Nil if digests are not needed.
    private let passed: PassedLayers?
    private let options: Options
    private let pool: BlockingPool

    /// Nothing is sent before it is known that every file may be read.
    public init(
        files: [SnapshotFile], of snapshot: Snapshot, from source: HubSource, on pool: BlockingPool, _ options: Options
    ) async throws {
        let found = try await HubStream.look(at: files, of: snapshot, from: source, on: pool, isForTensors: false)
        items = found.map { PassThrough.Item(file: $0.file) }
        passed = nil
        if let only = files.first, files.count == 1 {
            (parts, size) = ([.arriving(only.size)], only.size)
        } else {
            (parts, size) = Framing.parts(ofTar: files.map { ($0.path, $0.size, [.arriving($0.size)]) })
        }
        rawTensors = []
        self.options = options
        self.pool = pool
    }

    public init(
        archive files: [SnapshotFile], of snapshot: Snapshot, from source: HubSource, on pool: BlockingPool,
        _ options: Options
    ) async throws {
        let found = try await HubStream.look(at: files, of: snapshot, from: source, on: pool, isForTensors: true)
        if let complaint = found.lazy.compactMap(\.segmentation.complaint).first { throw complaint }
        let (weightPaths, companionPaths) = try PassingArchive.split(
            files.map(\.path), withTensors: found.filter(\.hasTensors).map(\.file.listed.path), keepingIndexes: true)
        func chosen(_ paths: Set<FilePath>) -> [PassingArchive.File] {
            found.filter { paths.contains($0.file.listed.path) }.map(\.passing)
        }
        let archive = try PassingArchive(weights: chosen(weightPaths), companions: chosen(companionPaths))
        let places = Dictionary(found.map { ($0.file.listed.path, $0) }) { first, _ in first }
        items = archive.files.compactMap { places[$0.path]?.item }
        let passed = PassedLayers(sizes: archive.layerSizes)
        self.passed = passed
        parts = Framing.parts(
            of: archive.layout, endingWith: { try archive.facts(files: passed.files, layers: passed.layers) })
        size = archive.layout.size
        rawTensors = archive.rawTensors
        self.options = options
        self.pool = pool
    }

    /// Facts about a file before it was sent.
    private struct Seen: Sendable {
        let file: HubFile
        let segmentation: Segmentation
        let header: Digest?

        var hasTensors: Bool { segmentation.cuts.contains { $0.tensor != nil } }

        var passing: PassingArchive.File {
            PassingArchive.File(
                path: file.listed.path, segments: segmentation.cuts.map { ($0.count, $0.tensor) })
        }

        var item: PassThrough.Item {
            PassThrough.Item(
                file: file,
                header: header.flatMap { digest in
                    segmentation.cuts.first.map { Layer(digest: digest, size: $0.count) }
                })
        }
    }

    /// Every file's address is requested: a refusal comes before the first byte is sent. Of a large file a little is
    /// requested as well, which shows whether it can be had in pieces.
    private static func look(
        at files: [SnapshotFile], of snapshot: Snapshot, from source: HubSource, on pool: BlockingPool,
        isForTensors: Bool
    ) async throws -> [Seen] {
        var found: [Seen] = []
        let most = Segmentation.mostCuts(eachOf: files.count)
        try await inOrder(files.count, atOnce: ConnectionCount.atFirst, on: pool) { index in
            let file = HubFile(files[index], in: snapshot, from: source)
            if isForTensors, Segmentation.hasHeader(file.listed.path) {
                let (segmentation, header) = try await Segmentation.cuts(of: file, most: most)
                return Seen(file: file, segmentation: segmentation, header: header)
            }
            if file.listed.size > PassThrough.pieceSize {
                _ = try await file.bytes(0..<HeaderReader.firstGuess)
            } else {
                try await file.locate()
            }
            return Seen(file: file, segmentation: Segmentation(plain: file.listed.size, most: most), header: nil)
        } take: { _, seen in
            found.append(seen)
        }
        return found
    }

    public func send(_ progress: Progress, to sink: (Span<UInt8>) throws -> Void) async throws {
        progress.expect(bytes: items.reduce(0) { $0 + $1.size }, items: UInt64(items.count))
        var framing = Framing(parts)
        try framing.begin(to: sink)
        let passage = PassThrough(
            items: items, mostConnections: min(max(1, options.mostConnections), Options.mostAtOnce),
            throttle: options.bytesPerSecond.map { Throttle(bytesPerSecond: $0) }, pool: pool, progress: progress)
        try await passage { bytes in
            passed?.take(bytes)
            try framing.take(bytes, to: sink)
        } finished: {
            passed?.files.append($0)
        }
    }
}

/// The digests of files and layers of a stream, in order.
final class PassedLayers {
    private(set) var layers: [Digest] = []
    var files: [Digest] = []
    private let sizes: [UInt64]
    private var left: UInt64 = 0
    private var hash: SHA256?

    init(sizes: [UInt64]) {
        self.sizes = sizes
        begin()
    }

    /// The next layer that has bytes.
    private func begin() {
        while layers.count < sizes.count, sizes[layers.count] == 0 { layers.append(.empty) }
        guard layers.count < sizes.count else { return }
        left = sizes[layers.count]
        hash = SHA256()
    }

    func take(_ bytes: Span<UInt8>) {
        var start = 0
        while start < bytes.count, layers.count < sizes.count {
            let count = Int(min(left, UInt64(bytes.count - start)))
            hash?.update(bytes.extracting(start..<start + count))
            start += count
            left -= UInt64(count)
            guard left == 0, let digest = hash.take()?.finish() else { continue }
            layers.append(digest)
            begin()
        }
    }
}
