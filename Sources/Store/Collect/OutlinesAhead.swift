internal import Model
internal import Platform
internal import Synchronization

/// Outlines of many manifests in turn, read by all cores some way ahead of the one that counts them.
struct OutlinesAhead {
    private typealias Read = Result<ManifestOutline, CakeError>

    /// So many layers are in memory at once, and what each core reads meanwhile: 40 bytes each.
    private static let mostLayers = 400_000

    private let store: LocalStore
    private var digests: ArraySlice<Digest>
    private var read = Queue<Read>()

    init(of digests: [Digest], in store: LocalStore) {
        self.store = store
        self.digests = digests[...]
    }

    /// Reads the first ones, and does the work beside that.
    mutating func read<Value: Sendable>(
        beside work: @escaping @Sendable () throws(CakeError) -> Value
    ) throws(CakeError) -> Value {
        let (store, digests) = (store, Array(digests))
        let outlines = Mutex([Read?](repeating: nil, count: digests.count))
        let value = Mutex<Value?>(nil)
        let layers = Atomic(0)
        try BlockingPool.forEach([nil] + digests.map(Optional.some)) { place, digest throws(CakeError) in
            guard let digest else {
                let made = try work()
                return value.withLock { $0 = made }
            }
            guard place == 1 || layers.load(ordering: .relaxed) < OutlinesAhead.mostLayers else { return }
            let outline = Result { () throws(CakeError) in try store.outline(of: digest) }
            if case .success(let outline) = outline { layers.add(outline.layers.count, ordering: .relaxed) }
            outlines.withLock { $0[place - 1] = outline }
        }
        // One that was left out may be before one that was read: that is read again.
        let first = outlines.withLock { $0 }.prefix { $0 != nil }.compactMap(\.self)
        for outline in first { read.append(outline) }
        self.digests = self.digests.dropFirst(first.count)
        if let value = value.withLock({ $0 }) { return value }
        return try work()
    }

    /// The outline of the next manifest; nil behind the last.
    mutating func next() throws(CakeError) -> Result<ManifestOutline, CakeError>? {
        if read.isEmpty, !digests.isEmpty { try read(beside: {}) }
        return read.popFirst()
    }
}
