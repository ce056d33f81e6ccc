internal import Model
internal import Platform
internal import Synchronization

/// No delta can lose its base. A base is taken before the first byte is encoded against it: from then on no collection
/// removes it (it is in the lease) and no other command makes a delta of it (it is in the file `bases` beside the
/// lease). Deltas are published under the lock under which bases are taken, and a layer that has become a base
/// meanwhile stays plain.
extension Operation {
    /// Takes a layer as a base. Nil when it cannot be one: it is not here, a delta, or about to be one.
    func take(base: Layer) throws(CakeError) -> StoredObject? { try take(bases: [base])[0] }

    /// The same for many at once: a lock for each would cost more than small layers gain.
    func take(bases wanted: [Layer]) throws(CakeError) -> [StoredObject?] {
        let new = state.withLock { state in wanted.filter { !state.bases.contains($0.digest) } }
        guard !new.isEmpty else { return try wanted.map(openWhole) }
        let lock = try store.lockEncoding()
        defer { lock.unlock() }
        let held = try hold(new)
        let objects = try wanted.map(openWhole)
        return try state.withLock { state throws(CakeError) in
            var free: Set<Digest> = []
            for (base, object) in zip(wanted, objects) where object != nil && held.contains(base.digest) {
                if !state.deltas.contains(base.digest) { free.insert(base.digest) }
            }
            try state.note(bases: free.filter { !state.bases.contains($0) }, in: folder)
            return zip(wanted, objects).map { base, object in state.bases.contains(base.digest) ? object : nil }
        }
    }

    /// Checks the frames only: their content is checked when it is decoded, and was compared with the object's name
    /// when it was made.
    private func openWhole(_ base: Layer) throws(CakeError) -> StoredObject? {
        do {
            return try store.openBase(base)
        } catch {
            guard error.kind == .damaged || error.kind == .notFound else { throw error }
            return nil
        }
    }

    /// Whether a layer may be made a delta: not while it is the base of another.
    func mayBecomeDelta(_ layer: Layer) throws(CakeError) -> Bool {
        try state.withLock { state throws(CakeError) in
            let inStore: DigestSet
            if state.needed.contains(layer.digest) {
                if let known = state.indexedBases { inStore = known } else { inStore = try store.indexedBases() }
                state.indexedBases = inStore
            } else {
                if let known = state.basesInStore { inStore = known } else { inStore = try BaseUses(of: store).all }
                state.basesInStore = inStore
            }
            guard !inStore.contains(layer.digest), !state.bases.contains(layer.digest) else { return false }
            state.deltas.insert(layer.digest)
            return true
        }
    }

    /// The layer stays, or becomes, one that needs no base.
    func keepsPlain(_ layer: Layer) {
        state.withLock { state in
            state.deltas.remove(layer.digest)
            state.pendingBases[layer.digest] = nil
        }
    }

    /// The layer becomes a delta of that one.
    func becomesDelta(_ layer: Layer, of base: Digest) { state.withLock { $0.pendingBases[layer.digest] = base } }

    /// The base that a layer will have when this is published.
    func base(ofPending layer: Layer) -> Digest? { state.withLock { $0.pendingBases[layer.digest] } }

    /// Deltas that must not be published. The caller holds the encoding lock. A layer that is here needs no second
    /// object, unless it is to be replaced.
    func refused(_ deltas: [IndexRecord], isReplacing: Bool) throws(CakeError) -> Set<Digest> {
        _ = try store.catalog.refresh(since: store.catalog.reading, checking: isReplacing)
        var bases = isReplacing ? try BaseUses(of: store).all : try store.indexedBases()
        bases.formUnion(try Leases(store.layout).bases())
        var refused: Set<Digest> = []
        for delta in deltas {
            let isBase = bases.contains(delta.layer.digest)
            if isBase || !isReplacing, try store.holds(delta.layer) {
                refused.insert(delta.layer.digest)
                continue
            }
            if isBase {
                throw CakeError(
                    .failed, "layer \(delta.layer.digest.short) became the base of another while it was encoded",
                    fix: "run it again")
            }
            guard let base = delta.base else { continue }
            guard try openWhole(Layer(digest: base, size: delta.layer.size)) != nil else {
                throw CakeError(
                    .damaged, "layer \(base.short) was damaged while it was the base of another", fix: "run it again")
            }
        }
        return refused
    }
}

extension Operation.State {
    /// On disk first: only bases in the file are protected.
    fileprivate mutating func note(bases new: Set<Digest>, in folder: String) throws(CakeError) {
        guard !new.isEmpty else { return }
        let file: File
        if let open = basesFile { file = open } else { file = try File(folder + "/" + Lease.bases, .create) }
        basesFile = file
        let bytes = new.flatMap(\.bytes)
        try file.write(bytes.span, at: UInt64(bases.count * Digest.byteCount))
        bases.formUnion(new)
    }
}
