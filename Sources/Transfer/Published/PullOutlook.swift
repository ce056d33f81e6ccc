public import Model
internal import Store

/// What a pull would fetch now, as far as can be said without asking the Hub for more than its listing.
public struct PullOutlook: Sendable {
    public struct Item: Sendable {
        public let path: FilePath
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
        let published = try await published(snapshot, missing)
        var bytes: UInt64 = 0
        var files: [[LayerChoice.Cut]] = []
        for listed in missing {
            guard let file = published?.file(listed) else {
                bytes += listed.size
                continue
            }
            let header = file.segments.first.map { $0.tensor == nil ? $0.layer : nil } ?? nil
            files.append(
                try file.segments.map { segment in
                    // The header comes from the Hub, whatever is here: it says where the tensors lie.
                    if segment.layer == header { return LayerChoice.Cut(layer: nil, bytes: segment.layer.size) }
                    let isHere = try store.contains(segment.layer)
                    return LayerChoice.Cut(layer: segment.layer, bytes: isHere ? 0 : segment.layer.size)
                })
        }
        var layers: UInt64 = 0
        if let published {
            let choice = try LayerChoice(files, published.remote.index) { layer throws(CakeError) in
                try store.contains(layer)
            }
            layers = choice.cost
            bytes += choice.plainBytes
        }
        return PullOutlook(
            items: missing.map { PullOutlook.Item(path: $0.path, size: $0.size) }, bytesToFetch: bytes + layers,
            place: layers > 0 ? published?.place : nil)
    }

    /// Who reads files while they come would wait for layers.
    func published(_ snapshot: Snapshot, _ missing: [SnapshotFile]) async throws -> Published? {
        guard !options.isForced, options.reading.isEmpty else { return nil }
        return try await Published.find(snapshot, missing, from: source, options.mirrors)
    }
}
