package import Model

/// A file of which some layers are in the store by now.
package struct ArrivingLayers: Sendable {
    package let file: Manifest.File
    package var here: Set<Digest> = []
    private let segments: [Manifest.Segment]
    /// The place of each in the file.
    private let extents: Extents

    /// Of a file of which nothing is here yet, or all.
    package init(_ file: Manifest.File, isHere: Bool = false) {
        self.file = file
        if isHere { here = Set(file.segments.map(\.layer.digest)) }
        segments = file.segments.filter { $0.layer.size > 0 }
        extents = Extents(segments.lazy.map(\.layer.size))
    }

    /// The tensor with a byte, or the header; all of a file that has no tensors.
    func tensor(at position: UInt64) -> Range<UInt64> {
        let index = extents.index(at: position)
        // The header comes first.
        guard index < segments.count, segments.last?.tensor != nil else { return 0..<file.size }
        return extents[index]
    }

    /// The layer with a byte of the file, and its place; nil while it is not here.
    func layer(at position: UInt64) -> (layer: Layer, range: Range<UInt64>)? {
        let index = extents.index(at: position)
        guard index < segments.count, here.contains(segments[index].layer.digest) else { return nil }
        return (segments[index].layer, extents[index])
    }
}
