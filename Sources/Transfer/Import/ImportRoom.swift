internal import Model
internal import Platform
internal import Store

/// Whether the disk has room for an import. The layers' names are known only when all is read: samples give an
/// estimate, unless the plain bytes would fit.
struct ImportRoom {
    let store: LocalStore
    let usesDeltas: Bool
    let free: UInt64

    init(in store: LocalStore, usesDeltas: Bool, free: UInt64? = nil) throws(CakeError) {
        self.store = store
        self.usesDeltas = usesDeltas
        if let free { self.free = free } else { self.free = try Disk.freeBytes(store.layout.root) }
    }

    /// Fails before a byte is written if even the estimate does not fit.
    func refuseIfTooSmall(for files: [ImportWork.Opened]) throws {
        guard files.reduce(0, { $0 + $1.found.size }) > free else { return }
        let offers = BaseOffers(
            BaseCandidates(in: store, named: nil, declared: []), for: files.map(\.segmentation)
        ) { number, cut throws(CakeError) in try files[number].sketch(ofCut: cut) }
        let known = try sizesHere()
        var needed: UInt64 = 0
        for (number, opened) in files.enumerated() {
            let cuts = opened.segmentation.cuts
            // Of a file without tensors its size is all that can be compared.
            if !cuts.contains(where: { $0.tensor != nil }), known.contains(opened.found.size) { continue }
            let file = try File(opened.found.location, .read)
            for (index, cut) in cuts.enumerated() where cut.count >= LocalStore.smallLimit {
                try Task.checkCancellation()
                needed += try store.estimate(
                    of: PlainBytes(file: file, start: cut.start, count: cut.count), cut.tensor?.kind,
                    beside: offers.layers(file: number, cut: index), mayBeDelta: usesDeltas)
            }
        }
        try store.refuseIfTooSmall(forStoring: needed, free)
    }

    /// The same for layers with known names.
    func refuseIfTooSmall(for layers: [(layer: Layer, kind: Tensor.Kind?, plain: PlainBytes)]) throws {
        guard layers.reduce(0, { $0 + $1.layer.size }) > free else { return }
        var needed: UInt64 = 0
        for (layer, kind, plain) in layers where layer.size >= LocalStore.smallLimit {
            try Task.checkCancellation()
            if try store.contains(layer) { continue }
            needed += try store.estimate(of: plain, kind, beside: [], mayBeDelta: false)
        }
        try store.refuseIfTooSmall(forStoring: needed, free)
    }

    /// Of files that models here have.
    private func sizesHere() throws -> Set<UInt64> {
        var sizes: Set<UInt64> = []
        let all = try store.manifestDigests()
        let summaries = try store.summaries(of: all) { digest throws(CakeError) in try? store.manifest(digest) }
        for summary in summaries { for file in summary.files { sizes.insert(file.size) } }
        return sizes
    }
}

extension LocalStore {
    fileprivate func refuseIfTooSmall(forStoring bytes: UInt64, _ free: UInt64) throws(CakeError) {
        guard bytes > free else { return }
        throw CakeError(
            .diskFull,
            "this needs about \(Quantities.bytes(bytes)) in the store, and the disk has \(Quantities.bytes(free)) left",
            fix: "free some space: cake gc, or put the store on another disk with CAKE_HOME")
    }
}
