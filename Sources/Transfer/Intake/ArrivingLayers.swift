package import Model

/// A file of which some layers are in the store by now.
package struct ArrivingLayers: Sendable {
    package let file: Manifest.File
    package var here: Set<Digest> = []
    private let layers: [Layer]
    /// The place of each in the file.
    private let extents: Extents

    package init(_ file: Manifest.File) {
        self.file = file
        layers = file.segments.map(\.layer).filter { $0.size > 0 }
        extents = Extents(layers.lazy.map(\.size))
    }

    /// The layer with a byte of the file, and its place; nil while it is not here.
    func layer(at position: UInt64) -> (layer: Layer, range: Range<UInt64>)? {
        let index = extents.index(at: position)
        guard index < layers.count, here.contains(layers[index].digest) else { return nil }
        return (layers[index], extents[index])
    }
}
