public import Model
internal import Platform
internal import Remote
internal import Store

/// The cost of downloading some tensors of a model now. Their files' headers are read; nothing is written.
public struct PartOutlook: Sendable {
    public struct Item: Sendable {
        public let path: FilePath
        /// Nil for a file that goes along.
        public let tensors: Int?
        public let bytes: UInt64
    }

    /// The missing tensors, by file.
    public private(set) var items: [Item] = []
    public private(set) var tensorsWanted = 0
    public private(set) var tensors = 0
    /// Of the tensors that are wanted and of the files that go along.
    public private(set) var bytes: UInt64 = 0

    public var bytesToFetch: UInt64 { items.reduce(0) { $0 + $1.bytes } }
}

extension Pull {
    /// Before Xet is asked, which may save some of it.
    public func outlook(
        _ snapshot: Snapshot, _ selected: [SnapshotFile], tensors selection: TensorSelection, as name: ModelName
    ) async throws -> PartOutlook {
        let paths = selected.map(\.path)
        let (weights, companions) = try PassingArchive.split(
            paths, withTensors: paths.filter(Segmentation.hasHeader), keepingIndexes: false)
        var outlook = PartOutlook()
        let others = selected.filter { companions.contains($0.path) }
        let missing = try Pull.missing(others, in: store, options)
        let some = try missing.map { (file: $0, bytes: try left(of: $0, in: snapshot)) }.filter { $0.bytes > 0 }
        outlook.add(some.map { PartOutlook.Item(path: $0.file.path, tensors: nil, bytes: $0.bytes) }, of: others)
        let known = try options.isForced ? nil : KnownRemote(store)
        let before = try part(of: name, at: snapshot).map { PullWork.BroughtTensors.tensors(of: $0) } ?? [:]
        let files = selected.filter { weights.contains($0.path) }
        var found: [(SnapshotFile, [Placed], isKnown: Bool)] = []
        try await inOrder(files.count, atOnce: ConnectionCount.atFirst, on: store.pool) { index in
            if let known = try known?.find(files[index]) {
                return (
                    files[index], PullWork.BroughtTensors.entries(of: known).map { Placed(tensor: $0.tensor) },
                    isKnown: true
                )
            }
            let segmentation = try await Segmentation.cuts(
                of: HubFile(files[index], in: snapshot, from: source), most: 1
            ).segmentation
            if let complaint = segmentation.complaint { throw complaint }
            let runs = try Parts.runs(in: store, key: PartsKey.of(files[index], in: snapshot))
            let tensors = segmentation.cuts.compactMap { cut in
                cut.tensor.map { Placed(tensor: $0, here: runs.length(within: cut.start..<cut.start + cut.count)) }
            }
            return (files[index], tensors, isKnown: false)
        } take: { _, file in
            found.append(file)
        }
        for (file, tensors, isKnown) in found {
            let wanted = tensors.filter { selection.matches($0.tensor.name) }
            let here = try wanted.filter { placed in
                guard !isKnown, !options.isForced else { return isKnown }
                return try before[placed.tensor].map(store.contains) ?? false
            }
            outlook.add(file.path, of: tensors.count, wanted, without: Set(here.map(\.tensor)))
        }
        return outlook
    }
}

extension PartOutlook {
    fileprivate mutating func add(_ missing: [Item], of files: [SnapshotFile]) {
        bytes += files.reduce(0) { $0 + $1.size }
        items += missing
    }

    fileprivate mutating func add(_ path: FilePath, of count: Int, _ wanted: [Placed], without here: Set<Tensor>) {
        tensors += count
        tensorsWanted += wanted.count
        bytes += wanted.reduce(0) { $0 + $1.size }
        let missing = wanted.filter { !here.contains($0.tensor) }
        guard !missing.isEmpty else { return }
        let size = missing.reduce(0) { $0 + $1.size - min($1.size, $1.here) }
        items.append(Item(path: path, tensors: missing.count, bytes: size))
    }
}

/// A tensor of a file, and how many of its bytes an earlier pull has left here.
private struct Placed: Sendable {
    let tensor: Tensor
    var here: UInt64 = 0

    var size: UInt64 { tensor.byteCount ?? 0 }
}
