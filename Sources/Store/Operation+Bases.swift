internal import Model
internal import Platform
internal import Synchronization

/// No delta can lose its base. A base is taken before the first byte is made beside it: from then on no collection removes
/// it (it is in the lease) and nobody makes a delta of it (it is in the file `bases` beside the lease). Deltas become part of
/// the store under the lock that bases are taken under, and what has become a base meanwhile stays as it is.
extension Operation {
    /// Takes a layer as a base. Nil when it cannot be one: it is not here, a delta, or about to be one.
    func take(base: Layer) throws(CakeError) -> StoredObject? {
        guard !state.withLock({ $0.bases.contains(base.digest) }) else { return try openWhole(base) }
        let lock = try store.lockEncoding()
        defer { lock.unlock() }
        guard state.withLock({ !$0.deltas.contains(base.digest) }), let object = try openWhole(base),
            try hold([base]).contains(base.digest)
        else { return nil }
        try state.withLock { state throws(CakeError) in
            let file: File
            if let open = state.basesFile { file = open } else { file = try File(folder + "/" + Lease.bases, .create) }
            state.basesFile = file
            let bytes = base.digest.bytes
            try file.write(bytes.span, at: UInt64(state.bases.count * Digest.byteCount))
            state.bases.insert(base.digest)
        }
        return object
    }

    /// As far as its frames go: what they hold they check as they are decoded, and what an object holds was compared with
    /// its name when it was made.
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
        let known = state.withLock { $0.basesInStore }
        let inStore: Set<Digest>
        if let known { inStore = known } else { inStore = try BaseUses(of: store).all }
        return state.withLock { state in
            state.basesInStore = inStore
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

    /// What a layer will be a delta of when this is published.
    func base(ofPending layer: Layer) -> Digest? { state.withLock { $0.pendingBases[layer.digest] } }

    /// Of deltas that are to become part of the store, those that must not. The caller holds the encoding lock. What is
    /// here already needs no second object, unless it is to be replaced.
    func refused(_ deltas: [IndexRecord], isReplacing: Bool) throws(CakeError) -> Set<Digest> {
        _ = try store.catalog.refresh(since: store.catalog.reading)
        var bases = try BaseUses(of: store).all
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
