internal import Codec
internal import Model
internal import Platform

/// Which of the layers that are offered a new one becomes a delta of. That it becomes one at all the codec decides.
extension LocalStore {
    /// So many are compared, those that were offered first.
    private static let mostCompared = 16

    /// A base with this many times the nearest one's cost is not considered again.
    private static let far = 1.25

    /// Taken for the operation; nil if none is suitable.
    func chooseBase(
        for layer: Layer, _ plain: PlainBytes, _ dtype: DType?, among offered: [Layer], in operation: Operation
    ) throws(CakeError) -> StoredObject? {
        let candidates = try candidates(for: layer, among: offered, in: operation)
        guard candidates.count > 1 else {
            return try candidates.first.flatMap { base throws(CakeError) in try operation.take(base: base) }
        }
        for candidate in try nearest(of: candidates, to: plain, dtype) {
            if let taken = try operation.take(base: candidate) { return taken }
        }
        return nil
    }

    /// The encoded sizes of a layer's samples against each of several others.
    func costs(of plain: PlainBytes, _ dtype: DType?, beside others: [Layer]) throws(CakeError) -> [Int] {
        var sums = [Int](repeating: 0, count: others.count)
        for place in LocalStore.places(in: plain) {
            let costs = try costs(of: plain, dtype, piece: place, beside: others)
            for index in others.indices { sums[index] += costs[index] }
        }
        return sums
    }

    /// The candidates that are not far, the nearest first. The first sample excludes most.
    private func nearest(
        of candidates: [Layer], to plain: PlainBytes, _ dtype: DType?
    ) throws(CakeError) -> [Layer] {
        var near = candidates.map { (layer: $0, cost: 0) }
        for place in LocalStore.places(in: plain) where near.count > 1 {
            let costs = try costs(of: plain, dtype, piece: place, beside: near.map(\.layer))
            for index in near.indices { near[index].cost += costs[index] }
            let least = near.map(\.cost).min() ?? 0
            near.removeAll { Double($0.cost) > Double(least) * LocalStore.far }
        }
        return LocalStore.ranked(near.map(\.layer), by: near.map(\.cost))
    }

    /// The middle and, of longer layers, two places more: a fine-tune differs from its base in the same way all over a
    /// tensor.
    static func places(in plain: PlainBytes) -> [Int] {
        plain.pieces > 8 ? [3, 1, 5].map { plain.pieces * $0 / 6 } : [plain.pieces / 2]
    }

    /// Of how many bytes `costs` speaks.
    func sampledBytes(of plain: PlainBytes) -> UInt64 {
        LocalStore.places(in: plain).reduce(0) { sum, place in
            let start = UInt64(place) << UInt64(ObjectHeader.standardPieceBits)
            return sum + min(UInt64(LocalStore.sampled), plain.count - min(plain.count, start))
        }
    }

    private func costs(
        of plain: PlainBytes, _ dtype: DType?, piece place: Int, beside others: [Layer]
    ) throws(CakeError) -> [Int] {
        let piece = plainChunks.take()
        defer { plainChunks.giveBack(piece) }
        let reader = LayerReader(self)
        try plain.fill(piece: place, into: piece)
        var costs: [Int] = []
        for other in others {
            costs.append(
                try piece.withBytes { bytes throws(CakeError) in
                    try cost(of: bytes, dtype, piece: place, beside: other, reader)
                })
        }
        return costs
    }

    /// A small layer, and its candidates for a base.
    struct SmallOffer {
        let layer: Layer
        /// Its place among its neighbours.
        let range: Range<Int>
        let dtype: DType?
        let bases: [Layer]
    }

    /// The same for small layers in one chunk, which are compared completely. Their bases are taken together.
    func chooseBases(
        for offers: [SmallOffer], in chunk: Chunk, _ operation: Operation
    ) throws(CakeError) -> [StoredObject?] {
        var chosen = [StoredObject?](repeating: nil, count: offers.count)
        var open: [(index: Int, rest: ArraySlice<Layer>)] = []
        for (index, offer) in offers.enumerated() {
            let candidates = try ranked(offer, in: chunk, operation)
            if !candidates.isEmpty { open.append((index, candidates[...])) }
        }
        // A second round, for candidates that became deltas meanwhile.
        while !open.isEmpty {
            let taken = try operation.take(bases: open.compactMap(\.rest.first))
            var left: [(index: Int, rest: ArraySlice<Layer>)] = []
            for (one, object) in zip(open, taken) {
                chosen[one.index] = object
                if object == nil, one.rest.count > 1 { left.append((one.index, one.rest.dropFirst())) }
            }
            open = left
        }
        return chosen
    }

    /// The nearest first.
    private func ranked(
        _ offer: SmallOffer, in chunk: Chunk, _ operation: Operation
    ) throws(CakeError) -> [Layer] {
        let candidates = try candidates(for: offer.layer, among: offer.bases, in: operation)
        guard candidates.count > 1 else { return candidates }
        let reader = LayerReader(self)
        var costs: [Int] = []
        for candidate in candidates {
            costs.append(
                try chunk.withBytes { bytes throws(CakeError) in
                    try cost(of: bytes.extracting(offer.range), offer.dtype, piece: 0, beside: candidate, reader)
                })
        }
        return LocalStore.ranked(candidates, by: costs)
    }

    private static func ranked(_ candidates: [Layer], by costs: [Int]) -> [Layer] {
        candidates.indices.sorted { (costs[$0], $0) < (costs[$1], $1) }.map { candidates[$0] }
    }

    /// Candidates stored plain, of the same size: a delta is replaced by its base.
    private func candidates(
        for layer: Layer, among offered: [Layer], in operation: Operation
    ) throws(CakeError) -> [Layer] {
        guard layer.digest != .empty, !offered.isEmpty, try operation.mayBecomeDelta(layer) else { return [] }
        var candidates: [Layer] = []
        for other in offered where other.size == layer.size && candidates.count < LocalStore.mostCompared {
            guard let found = try find(other) else { continue }
            let base = Layer(digest: operation.base(ofPending: other) ?? found.base ?? other.digest, size: other.size)
            if base != layer, !candidates.contains(base) { candidates.append(base) }
        }
        return candidates
    }

    /// Models are compared by the codec's result for a sample: nothing else predicts the smallest delta so well, and
    /// decoding a piece takes less time than encoding one.
    private func cost(
        of plain: Span<UInt8>, _ dtype: DType?, piece index: Int, beside base: Layer, _ reader: LayerReader
    ) throws(CakeError) -> Int {
        let beside: Chunk
        do {
            beside = try reader.piece(index, of: base)
        } catch {
            guard error.kind == .damaged || error.kind == .notFound else { throw error }
            return Int.max / 8
        }
        let stored = storedChunks.take()
        defer {
            reader.giveBack(beside)
            storedChunks.giveBack(stored)
        }
        let count = min(plain.count, LocalStore.sampled)
        beside.count = count
        return try coders.use { coder throws(CakeError) in
            try Encoding.cost(
                of: plain.extracting(0..<count), dtype: dtype, beside: beside, coder: coder, stored: stored)
        }
    }

    static let sampled = 64 << 10
}
