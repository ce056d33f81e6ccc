internal import Codec
package import Model
internal import Platform

/// Which layers are bases, by the objects' own first frames, or by index records of these very objects. Manifests do
/// not mention it.
package struct BaseUses: Sendable {
    private let uses: Uses
    /// The objects that are files of their own.
    private(set) var alone: [(digest: Digest, status: Disk.Status)] = []

    package init(of store: LocalStore) throws(CakeError) {
        var known: [Digest: [IndexRecord]] = [:]
        var uses = Uses()
        store.catalog.forEach { record in
            if case .alone = record.place {
                known[record.layer.digest, default: []].append(record)
            } else {
                uses.add(record.base, of: record.layer.digest)
            }
        }
        for shard in Layout.shards {
            for name in try Disk.names(in: store.layout.shard(shard)) {
                guard let digest = Digest(hex: name), let status = try Disk.status(store.layout.object(digest)) else {
                    continue
                }
                alone.append((digest, status))
                let fitting = (known[digest] ?? []).filter { $0.storedLength == status.size }
                for record in fitting { uses.add(record.base, of: digest) }
                if fitting.isEmpty { uses.add(try store.header(ofObject: digest)?.base, of: digest) }
            }
        }
        self.uses = uses
    }

    private struct Uses {
        var deltas = DigestRows()
        /// For each delta the base that its object names.
        var first: [Digest] = []
        /// Further bases, if there are several copies of a delta.
        var more: [Digest: Set<Digest>] = [:]
        var bases = DigestSet()

        mutating func add(_ base: Digest?, of layer: Digest) {
            guard let base else { return }
            bases.insert(base)
            let (row, isNew) = deltas.add(layer)
            if isNew {
                first.append(base)
            } else if first[row] != base {
                more[layer, default: []].insert(base)
            }
        }
    }

    /// Every layer that some object names as its base.
    var all: DigestSet { uses.bases }

    func bases(of layer: Digest) -> Set<Digest> {
        guard let row = uses.deltas.row(of: layer) else { return [] }
        return (uses.more[layer] ?? []).union([uses.first[row]])
    }

    func isDelta(_ layer: Digest) -> Bool { uses.deltas.row(of: layer) != nil }

    /// The layers, and all that they need to be read.
    func closure(of layers: DigestSet) -> DigestSet {
        var closure = layers
        var next: [Digest] = []
        func add(_ base: Digest) { if closure.insert(base) { next.append(base) } }
        for (row, delta) in uses.deltas.digests.enumerated() where closure.contains(delta) {
            add(uses.first[row])
            for base in uses.more[delta] ?? [] { add(base) }
        }
        // A base is no delta, unless a stranger's objects say so.
        while let layer = next.popLast() { for base in bases(of: layer) { add(base) } }
        return closure
    }

    /// By base, its deltas.
    package var deltas: [Digest: Set<Digest>] { deltas { _ in true } }

    /// The same of some bases.
    func deltas(of isWanted: (Digest) -> Bool) -> [Digest: Set<Digest>] {
        var deltas: [Digest: Set<Digest>] = [:]
        func add(_ delta: Digest, of base: Digest) {
            if isWanted(base) { deltas[base, default: []].insert(delta) }
        }
        for (delta, base) in zip(uses.deltas.digests, uses.first) { add(delta, of: base) }
        for (delta, bases) in uses.more { for base in bases { add(delta, of: base) } }
        return deltas
    }
}

extension LocalStore {
    /// Every layer that an object names as its base, as the index has it: an import asks this at each publish, and to look at every
    /// object would make it slower with each model.
    ///
    /// It is asked only about layers that are not here. What it misses, because an index was damaged or removed, is then a delta
    /// that cannot be read now and that a plain layer would bring back; no readable object depends on the answer. All
    /// that removes objects, or replaces one that is here, asks `BaseUses`.
    func indexedBases() throws(CakeError) -> DigestSet {
        var bases = catalog.bases()
        for shard in Layout.shards {
            let alone = try Disk.names(in: layout.shard(shard)).compactMap { Digest(hex: $0) }
            for digest in catalog.withoutRecord(alone) {
                if let base = try header(ofObject: digest)?.base { bases.insert(base) }
            }
        }
        return bases
    }

    /// The header of an object under `objects`; nil if it cannot be read.
    func header(ofObject digest: Digest) throws(CakeError) -> ObjectHeader? {
        let file: File
        do {
            file = try File(layout.object(digest), .read)
        } catch {
            guard error.kind == .notFound else { throw error }
            return nil
        }
        let size = try file.size()
        var bytes = try file.bytes(at: 0, count: Int(min(size, 256)))
        let needed = ObjectHeader.needs(bytes.span)
        if needed > bytes.count { bytes = try file.bytes(at: 0, count: Int(min(size, UInt64(needed)))) }
        guard let (header, _) = try? ObjectHeader.decode(bytes.span), header.layer.digest == digest else { return nil }
        return header
    }

    /// Held by code that publishes deltas, or lists them and relies on the answer. Taken before the sweep lock, never
    /// while that is held. Released with the file.
    func lockEncoding() throws(CakeError) -> File {
        let file = try File(layout.lock("encoding"), .readWriteOrCreate)
        _ = try file.lock(exclusive: true, waiting: true)
        return file
    }
}
