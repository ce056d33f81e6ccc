public import Model
internal import Remote
internal import Store

/// What a pull would download now, as far as is known from the Hub's listing.
public struct PullOutlook: Sendable {
    public struct Item: Sendable {
        public let path: FilePath
        /// The bytes that are not here.
        public let size: UInt64
    }

    /// Files that are not here whole.
    public let items: [Item]
    public let bytesToFetch: UInt64
    /// Where some of it would come from as layers.
    public let place: String?
}

extension Pull {
    public func outlook(_ snapshot: Snapshot, _ selected: [SnapshotFile]) async throws -> PullOutlook {
        let missing = try Pull.missing(selected, in: store, options)
        let peer = try await peer(snapshot, missing)
        var bytes: UInt64 = 0
        var files: [[LayerChoice.Cut]] = []
        var items: [PullOutlook.Item] = []
        for listed in missing {
            let left = try left(of: listed, in: snapshot)
            guard left > 0 else { continue }
            items.append(PullOutlook.Item(path: listed.path, size: left))
            guard let file = peer?.file(listed) else {
                bytes += left
                continue
            }
            let header = file.segments.first.map { $0.tensor == nil ? $0.layer : nil } ?? nil
            files.append(
                try file.segments.map { segment in
                    // The header comes from the Hub in any case: it says where the tensors are.
                    if segment.layer == header { return LayerChoice.Cut(layer: nil, bytes: segment.layer.size) }
                    let isHere = try store.contains(segment.layer)
                    return LayerChoice.Cut(layer: segment.layer, bytes: isHere ? 0 : segment.layer.size)
                })
        }
        var layers: UInt64 = 0
        if let peer {
            let choice = try LayerChoice(files, peer.remote.index) { layer throws(CakeError) in
                try store.contains(layer)
            }
            layers = choice.cost
            bytes += choice.plainBytes
        }
        return PullOutlook(
            items: items, bytesToFetch: bytes + layers, place: layers > 0 ? peer?.place : nil)
    }

    /// The bytes of a file that neither another tool's cache nor an earlier pull has. Nothing is taken or changed.
    func left(of file: SnapshotFile, in snapshot: Snapshot) throws(CakeError) -> UInt64 {
        if !options.isForced, CachedBlob.find(file, in: options.caches, of: snapshot.repository) != nil { return 0 }
        let runs = try Parts.runs(in: store, key: PartsKey.of(file, in: snapshot))
        return file.size - min(file.size, runs.length(within: 0..<file.size))
    }

    /// Readers of files that are on their way would wait for layers.
    func peer(_ snapshot: Snapshot, _ missing: [SnapshotFile]) async throws -> PeerModel? {
        guard !options.isForced, options.reading.isEmpty else { return nil }
        return try await PeerModel.find(snapshot, missing, from: source, options.mirrors)
    }
}
