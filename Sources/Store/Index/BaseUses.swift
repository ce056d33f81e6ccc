internal import Codec
package import Model
internal import Platform

/// Which layers are bases, as the objects' own first frames say, or the index where it speaks of the object that is there.
/// Manifests know nothing of it.
package struct BaseUses: Sendable {
    /// For each delta the base that its object names: more than one if there are several copies of it.
    private var bases: [Digest: Set<Digest>] = [:]
    /// Every layer that some object names as its base.
    private(set) var all: Set<Digest> = []
    /// The objects that are files of their own.
    private(set) var alone: [(digest: Digest, status: Disk.Status)] = []

    package init(of store: LocalStore) throws(CakeError) {
        var known: [Digest: [IndexRecord]] = [:]
        var packed: [IndexRecord] = []
        store.catalog.forEach { record in
            if case .alone = record.place {
                known[record.layer.digest, default: []].append(record)
            } else {
                packed.append(record)
            }
        }
        for record in packed { add(record.base, of: record.layer.digest) }
        for shard in Layout.shards {
            for name in try Disk.names(in: store.layout.shard(shard)) {
                guard let digest = Digest(hex: name), let status = try Disk.status(store.layout.object(digest)) else {
                    continue
                }
                alone.append((digest, status))
                let fitting = (known[digest] ?? []).filter { $0.storedLength == status.size }
                for record in fitting { add(record.base, of: digest) }
                if fitting.isEmpty { add(try store.header(ofObject: digest)?.base, of: digest) }
            }
        }
    }

    private mutating func add(_ base: Digest?, of layer: Digest) {
        guard let base else { return }
        bases[layer, default: []].insert(base)
        all.insert(base)
    }

    func bases(of layer: Digest) -> Set<Digest> { bases[layer] ?? [] }

    /// The layers, and all that they need to be read.
    func closure(of layers: Set<Digest>) -> Set<Digest> {
        var closure = layers
        var next = layers
        while !next.isEmpty {
            next = next.reduce(into: Set()) { $0.formUnion(bases(of: $1)) }.subtracting(closure)
            closure.formUnion(next)
        }
        return closure
    }

    /// By base, its deltas.
    package var deltas: [Digest: Set<Digest>] {
        var deltas: [Digest: Set<Digest>] = [:]
        for (delta, bases) in bases { for base in bases { deltas[base, default: []].insert(delta) } }
        return deltas
    }
}

extension LocalStore {
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
