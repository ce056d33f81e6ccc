public import Model
internal import Platform
internal import Store

/// What bringing some tensors of a model would take now. Their files' headers are read; nothing is written.
public struct PartOutlook: Sendable {
    public struct Item: Sendable {
        public let path: FilePath
        /// Nil for a file that goes along.
        public let tensors: Int?
        public let bytes: UInt64
    }

    /// What is not here, by file.
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
        outlook.add(missing, of: others)
        let known = try options.isForced ? nil : KnownRemote(store)
        let before = try part(of: name, at: snapshot).map { PullWork.Part.tensors(of: $0) } ?? [:]
        let files = selected.filter { weights.contains($0.path) }
        var found: [(SnapshotFile, [Tensor], isKnown: Bool)] = []
        try await inOrder(files.count, atOnce: ConnectionCount.atFirst, on: store.pool) { index in
            if let known = try known?.find(files[index]) {
                return (files[index], PullWork.Part.entries(of: known).map(\.tensor), isKnown: true)
            }
            let segmentation = try await RemoteHeader(
                HubFile(files[index], in: snapshot, from: source), mostCuts: 1)().segmentation
            if let complaint = segmentation.complaint { throw complaint }
            return (files[index], segmentation.cuts.compactMap(\.tensor), isKnown: false)
        } take: { _, file in
            found.append(file)
        }
        for (file, tensors, isKnown) in found {
            let wanted = tensors.filter { selection.matches($0.name) }
            let here = try wanted.filter { tensor in
                guard !isKnown, !options.isForced else { return isKnown }
                return try before[tensor].map(store.contains) ?? false
            }
            outlook.add(file.path, of: tensors.count, wanted, without: Set(here))
        }
        return outlook
    }
}

extension PartOutlook {
    fileprivate mutating func add(_ missing: [SnapshotFile], of files: [SnapshotFile]) {
        bytes += files.reduce(0) { $0 + $1.size }
        items += missing.map { Item(path: $0.path, tensors: nil, bytes: $0.size) }
    }

    fileprivate mutating func add(_ path: FilePath, of count: Int, _ wanted: [Tensor], without here: Set<Tensor>) {
        tensors += count
        tensorsWanted += wanted.count
        bytes += wanted.reduce(0) { $0 + ($1.byteCount ?? 0) }
        let missing = wanted.filter { !here.contains($0) }
        guard !missing.isEmpty else { return }
        let size = missing.reduce(0) { $0 + ($1.byteCount ?? 0) }
        items.append(Item(path: path, tensors: missing.count, bytes: size))
    }
}
