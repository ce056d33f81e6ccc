package import Model
internal import Platform

/// The high bytes of a few elements from the middle of a layer. They hold signs and exponents, which fine-tuning hardly changes: a layer
/// and its base have nearly the same ones, and layers that were trained apart do not.
package struct LayerSketch: Hashable, Sendable {
    static let places = 32
    /// The elements are of this many bytes: a sample of them is one short request to a Hub.
    private static let sampled: UInt64 = 4 << 10

    /// Bytes of one element each.
    let bytes: [UInt8]

    /// The sampled bytes of a tensor of this size. They never cross the end of a piece.
    package static func sample(of size: UInt64) -> Range<UInt64> {
        let start = size / 2 / sampled * sampled
        return start..<min(start + sampled, size)
    }

    /// Of these sampled bytes; nil if there are too few elements.
    package init?(of sample: Span<UInt8>, _ dtype: DType) {
        let width = max(1, Int(dtype.bits / 8))
        let elements = sample.count / width
        guard elements >= LayerSketch.places else { return nil }
        bytes = (0..<LayerSketch.places).map { sample[($0 * elements / LayerSketch.places + 1) * width - 1] }
    }

    fileprivate init(bytes: [UInt8]) { self.bytes = bytes }

    /// The part of places where both have the same byte.
    package func similarity(to other: LayerSketch) -> Double {
        let same = zip(bytes, other.bytes).count { $0 == $1 }
        return Double(same) / Double(LayerSketch.places)
    }

    /// Not for a layer of zeros or ones, which resembles all others of that kind.
    package var isTelling: Bool { Set(bytes).count >= 4 }
}

/// The file of all sketches, drawn in docs/layout.md.
private enum LayerSketchFile {
    static let mark = Array("cakeske1".utf8)
    private static let entryLength = Digest.byteCount + LayerSketch.places

    static func encode(_ sketches: [(Digest, LayerSketch)]) -> [UInt8] {
        var bytes = mark
        bytes.reserveCapacity(mark.count + sketches.count * entryLength + Digest.byteCount)
        for (layer, sketch) in sketches { bytes += layer.bytes + sketch.bytes }
        return DerivedFile.summed(bytes)
    }

    /// Nil for a torn or damaged file.
    static func decode(_ bytes: Span<UInt8>) -> [Digest: LayerSketch]? {
        guard let body = DerivedFile.body(of: bytes, mark), body.count % entryLength == 0 else { return nil }
        var found: [Digest: LayerSketch] = [:]
        found.reserveCapacity(body.count / entryLength)
        for start in stride(from: body.lowerBound, to: body.upperBound, by: entryLength) {
            let end = start + Digest.byteCount
            guard let layer = Digest(bytes: bytes.extracting(start..<end)) else { return nil }
            found[layer] = LayerSketch(bytes: (end..<start + entryLength).map { bytes[$0] })
        }
        return found
    }
}

extension LocalStore {
    /// A layer whose sketch is wanted, and the type of its elements.
    package struct Sketched: Hashable, Sendable {
        let layer: Layer
        let dtype: DType

        package init(_ layer: Layer, _ dtype: DType) { (self.layer, self.dtype) = (layer, dtype) }
    }

    /// Sketches of those layers that can be read. Each is made once and kept in a file that is replaced whole, as summaries are.
    package func sketches(of wanted: [Sketched]) throws(CakeError) -> [Digest: LayerSketch] {
        let kept = try? Disk.read(layout.layerSketches, limit: DerivedFile.longest)
        var known = kept.flatMap { LayerSketchFile.decode($0.span) } ?? [:]
        var isNew = false
        let reader = LayerReader(self)
        for one in Set(wanted) where known[one.layer.digest] == nil {
            guard let sketch = try sketch(of: one, by: reader) else { continue }
            known[one.layer.digest] = sketch
            isNew = true
        }
        if isNew, isWritable {
            let asked = Set(wanted.map(\.layer.digest))
            let here = known.filter { asked.contains($0.key) || catalog.record(of: $0.key) != nil }
            try? replaceDerived(layout.layerSketches, with: LayerSketchFile.encode(here.map { ($0.key, $0.value) }))
        }
        return known
    }

    /// What a layer is a delta of, or itself.
    package func root(of layer: Digest) -> Digest { catalog.record(of: layer)?.base ?? layer }

    /// Of a layer that is not asked about again: it is not kept.
    package func sketch(of wanted: Sketched) throws(CakeError) -> LayerSketch? {
        try sketch(of: wanted, by: LayerReader(self))
    }

    private func sketch(of wanted: Sketched, by reader: LayerReader) throws(CakeError) -> LayerSketch? {
        let range = LayerSketch.sample(of: wanted.layer.size)
        guard !range.isEmpty else { return nil }
        let piece: Chunk
        do {
            piece = try reader.piece(Int(range.lowerBound / UInt64(LayerReader.pieceSize)), of: wanted.layer)
        } catch {
            guard error.kind == .damaged || error.kind == .notFound else { throw error }
            return nil
        }
        defer { reader.giveBack(piece) }
        let start = Int(range.lowerBound % UInt64(LayerReader.pieceSize))
        return piece.withBytes { LayerSketch(of: $0.extracting(start..<start + Int(range.length)), wanted.dtype) }
    }
}
