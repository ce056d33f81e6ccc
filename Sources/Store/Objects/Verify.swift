internal import Codec
public import Model
internal import Platform

extension LocalStore {
    /// Reads every layer given and compares it with its name, on all cores. Damaged objects are set aside.
    public func verify(
        _ layers: [Layer], progress: @escaping @Sendable (UInt64) -> Void
    ) async throws -> [Damage] {
        let reader = LayerReader(self)
        // Neighbours go together: a task is then worth its cost.
        let groups = LocalStore.grouped(layers, upTo: 32 << 20)
        var damages: [Damage] = []
        try await inOrder(groups.count, atOnce: 2 * BlockingPool.processors, on: pool) { index in
            try groups[index].compactMap { layer in try check(layer, with: reader, progress: progress) }
        } take: { _, found in
            damages += found
        }
        let found = Set(damages.map(\.layer.digest))
        var bases: Set<Digest> = []
        for base in damages.compactMap(\.base) where !found.contains(base.digest) && bases.insert(base.digest).inserted
        {
            if let damage = try check(base, with: reader, progress: { _ in }) { damages.append(damage) }
        }
        try setAside(damages.filter { $0.kind == .wrong }.map(\.layer))
        return damages
    }

    /// Every layer that a manifest names, as far as manifests can be read, and every other object on disk.
    public func everyLayer() throws(CakeError) -> [Layer] {
        var seen: Set<Digest> = []
        var layers: [Layer] = []
        for digest in try manifestDigests() {
            guard let manifest = try? manifest(digest) else { continue }
            for layer in manifest.layers where seen.insert(layer.digest).inserted { layers.append(layer) }
        }
        _ = try catalog.refresh(since: catalog.reading)
        catalog.forEach { record in
            guard case .pack = record.place, seen.insert(record.layer.digest).inserted else { return }
            layers.append(record.layer)
        }
        for shard in Layout.shards {
            for name in try Disk.names(in: layout.shard(shard)) {
                guard let digest = Digest(hex: name), seen.insert(digest).inserted else { continue }
                // One that says nothing of itself is a layer that no bytes can be.
                layers.append(try header(ofObject: digest)?.layer ?? Layer(digest: digest, size: ByteCount.maximum))
            }
        }
        return layers
    }

    private static func grouped(_ layers: [Layer], upTo limit: UInt64) -> [[Layer]] {
        var groups: [[Layer]] = []
        var bytes = limit
        for layer in layers {
            if bytes >= limit || bytes &+ layer.size > limit {
                groups.append([])
                bytes = 0
            }
            groups[groups.count - 1].append(layer)
            bytes &+= layer.size
        }
        return groups
    }
}
