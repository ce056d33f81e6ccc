internal import Model
internal import Platform

/// Which of the layers that are offered a new one becomes a delta of. That it becomes one at all the codec decides.
extension LocalStore {
    /// So many are compared, those that were offered first.
    private static let mostCompared = 4

    /// Taken for the operation; nil when none will do.
    func chooseBase(
        for layer: Layer, _ plain: PlainBytes, _ dtype: DType?, among offered: [Layer], in operation: Operation
    ) throws(CakeError) -> StoredObject? {
        let candidates = try candidates(for: layer, among: offered, in: operation)
        guard candidates.count > 1 else {
            return try candidates.first.flatMap { base throws(CakeError) in try operation.take(base: base) }
        }
        return try firstTaken(candidates, costs(of: plain, dtype, beside: candidates), operation)
    }

    /// What samples of a layer take beside each of several others.
    func costs(of plain: PlainBytes, _ dtype: DType?, beside others: [Layer]) throws(CakeError) -> [Int] {
        let piece = plainChunks.take()
        defer { plainChunks.giveBack(piece) }
        // The middle and, of what is longer, two places more: fine-tunes differ from their base alike all over a tensor.
        let places = plain.pieces > 8 ? [1, 3, 5].map { plain.pieces * $0 / 6 } : [plain.pieces / 2]
        let reader = LayerReader(self)
        var costs = [Int](repeating: 0, count: others.count)
        for place in places {
            try plain.fill(piece: place, into: piece)
            for index in others.indices {
                costs[index] += try piece.withBytes { bytes throws(CakeError) in
                    try cost(of: bytes, dtype, piece: place, beside: others[index], reader)
                }
            }
        }
        return costs
    }

    /// The same for a layer of a piece, of which all is looked at; leaves the base's bytes in `beside`.
    func chooseBase(
        for layer: Layer, _ plain: Span<UInt8>, _ dtype: DType?, among offered: [Layer], in operation: Operation,
        into beside: Chunk
    ) throws(CakeError) -> Digest? {
        let candidates = try candidates(for: layer, among: offered, in: operation)
        var costs = [Int](repeating: 0, count: candidates.count)
        if candidates.count > 1 {
            for index in candidates.indices {
                costs[index] = try cost(of: plain, dtype, piece: 0, beside: candidates[index], LayerReader(self))
            }
        }
        guard let base = try firstTaken(candidates, costs, operation) else { return nil }
        do {
            try read(piece: 0, of: base, base: nil, into: beside)
        } catch {
            guard error.kind == .damaged else { throw error }
            return nil
        }
        return base.header.layer.digest
    }

    private func firstTaken(
        _ candidates: [Layer], _ costs: [Int], _ operation: Operation
    ) throws(CakeError) -> StoredObject? {
        for index in candidates.indices.sorted(by: { (costs[$0], $0) < (costs[$1], $1) }) {
            if let taken = try operation.take(base: candidates[index]) { return taken }
        }
        return nil
    }

    /// What stands alone, of the same size: a delta stands for its base.
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

    /// The sketch by which models are told apart is what the codec makes of a sample: nothing else says so well which base
    /// gives the smallest delta, and a piece decodes in less time than it takes to encode one.
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

    private static let sampled = 64 << 10
}
